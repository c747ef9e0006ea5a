import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkAll, openLedgerFile } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/fault-load.ts';
import { type FaultWorld, openFaultWorld, type Step } from '../support/fault-world.ts';
import { freezeOutsideTransactions } from '../support/process-state.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
// Longer than the ledger waits for a silent holder of a lane.
const frozenMs = 12_000;

let world: FaultWorld;
before(async () => {
  world = await openFaultWorld(`stale${process.pid}`);
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(() => world?.close());

const hardest: readonly Step[] = ['between-switches'];
const all: readonly Step[] = ['preparing', ...hardest, 'switched'];

for (const step of process.env.HAWSER_FAULTS === 'all' ? all : hardest) {
  test(`a worker that stood still while ${step} harms nothing when it goes on`, {
    timeout: 300_000,
  }, async (t) => {
    const load = startLoad({ ...world.hawser.edge, domain: world.domain });
    t.after(() => load.stop());
    const push = await world.push();
    await world.waitForStep(push.commit, step);
    const [supervisor, stale] = [await world.hawser.pidOf('up'), await world.hawser.pidOf('worker-rollout')];
    // The supervisor would replace a worker that stands still: here it stands still as well.
    process.kill(supervisor, 'SIGSTOP');
    t.after(() => process.kill(supervisor, 'SIGCONT'));
    t.after(() => process.kill(stale, 'SIGCONT'));
    await freezeOutsideTransactions(stale, world.hawser.data);
    assert.equal(world.readDeploy(push.commit)?.ended_at, null, 'it was frozen too late');
    const begin = performance.now();
    const second = await startSecondWorker();
    t.after(second.stop);
    assert.equal(await push.done, 0, push.output());
    const tookOver = Math.round(performance.now() - begin);
    // A newer release is live before the stale one wakes up: what it does late would be seen.
    const newer = await world.push();
    assert.equal(await newer.done, 0, newer.output());
    await pause(Math.max(0, frozenMs - (performance.now() - begin)));
    const before = readRoutes();
    process.kill(stale, 'SIGCONT');
    await watchRoutes(before);
    process.kill(supervisor, 'SIGCONT');
    await checkAll(world.checked());
    await load.stop();
    assert.equal(world.readDeploy(newer.commit)?.state, 'live');
    assert.equal(await world.hawser.pidOf('worker-rollout'), stale, 'the stale one lived through it');
    assert.deepEqual(load.failed(), [], `of ${load.sent()} requests`);
    t.diagnostic(`taken over and live after ${tookOver} ms, 0 of ${load.sent()} requests failed`);
  });
}

/** What the ledger routes must not change by itself for a while. */
async function watchRoutes(before: unknown): Promise<void> {
  const until = performance.now() + 3_000;
  await eventually(
    () => {
      assert.deepEqual(readRoutes(), before);
      return performance.now() > until;
    },
    { intervalMs: 20 },
  );
}

function readRoutes(): unknown {
  using ledger = openLedgerFile(world.hawser.data);
  return ledger.all('select name, server, address, weight from backends order by name, server');
}

async function startSecondWorker(): Promise<{ stop(): Promise<void> }> {
  const { folder, data } = world.hawser;
  const output = openSync(join(data, 'logs', 'second-worker.log'), 'a');
  const config = join(folder, 'deploy.config.json');
  const argv = [main, 'worker', '--role', 'rollout', '--config', config];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', output, output] });
  closeSync(output);
  await once(child, 'spawn');
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}
