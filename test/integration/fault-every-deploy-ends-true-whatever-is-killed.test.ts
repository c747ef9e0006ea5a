import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkAll } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { gatherEvidence } from '../support/fault-evidence.ts';
import { startLoad } from '../support/fault-load.ts';
import { recordRow } from '../support/fault-rows.ts';
import { type FaultWorld, openFaultWorld, type Step, steps } from '../support/fault-world.ts';

// Every step of a deploy, every part of an installation: the table below is all of them, and those that are run
// each time are the hardest. HAWSER_FAULTS=all runs every cell, HAWSER_FAULTS=<step>/<part> one.

const parts = [
  'server',
  'worker-build',
  'worker-rollout',
  'redis',
  'redis-emptied',
  'load-balancer',
  'registry',
  'dockerd',
  'up',
] as const;
type Part = (typeof parts)[number];
type Cell = { readonly step: Step; readonly part: Part };

const sample: readonly `${Step}/${Part}`[] = [
  'queued/redis-emptied',
  'building/worker-build',
  'releasing/worker-rollout',
  'releasing/dockerd',
  'preparing/dockerd',
  'between-switches/worker-rollout',
  'between-switches/load-balancer',
  'switched/worker-rollout',
  'reverting/worker-rollout',
  'reverting/dockerd',
];

/** A deploy goes live whatever is killed, but where what is lost is the thing itself. */
function mayFailBy({ step, part }: Cell): readonly string[] {
  if (step === 'reverting') return ['not_healthy'];
  // The command died with its engine, or may have: it is not run a second time.
  const died = ['release_command_failed', 'release_command_unknown'];
  return step === 'releasing' && part === 'dockerd' ? died : [];
}

const all: readonly Cell[] = steps.flatMap((step) => parts.map((part) => ({ step, part })));
const wanted = process.env.HAWSER_FAULTS;
const cells = all.filter(({ step, part }) => {
  const name = `${step}/${part}` as const;
  return wanted === undefined ? sample.includes(name) : wanted === 'all' || wanted.split(',').includes(name);
});

let world: FaultWorld;

before(async () => {
  world = await openFaultWorld(`fault${process.pid}`);
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
  await checkAll(world.checked());
});

after(() => world?.close());

for (const { step, part } of cells) {
  test(`${step}: ${part} is killed`, { timeout: 300_000 }, async (t) => {
    // The cell before may have left the server on its way up.
    await world.hawser.untilReady();
    const target = { ...world.hawser.edge, domain: world.domain };
    const load = startLoad(target);
    t.after(() => load.stop());
    const letGo = step === 'queued' ? await world.holdBuilds() : undefined;
    t.after(() => letGo?.());
    const push = await world.push({ release: step === 'releasing', broken: step === 'reverting' });
    await world
      .waitForStep(push.commit, step)
      .catch((error) => assert.fail(`${error.message}\n${push.output()}`));
    const begin = performance.now();
    await kill(part);
    const back = performance.now();
    letGo?.();
    const code = await push.done;
    const clientLost = part === 'server' || part === 'up';
    if (clientLost && code !== 0 && step !== 'reverting') await attachAgain(push.commit);
    const settled = await checkAll(world.checked()).catch(async (error) => {
      throw new Error(`${error.message}\n${push.output()}\n${await gatherEvidence(world)}`);
    });
    await load.stop();
    const trueAfterMs = performance.now() - begin;
    const deploy = world.readDeploy(push.commit);
    const told = `${JSON.stringify(deploy)}\n${push.output()}`;
    if (deploy?.state !== 'live')
      assert.ok(mayFailBy({ step, part }).includes(deploy?.failure_code ?? ''), told);
    if (step === 'reverting') assert.equal(deploy?.state, 'failed', told);
    if (!clientLost) checkOutput(push.output(), code, deploy);
    if (step === 'releasing') await checkOneMigration(deploy?.id ?? 0);
    const failures = load.failed();
    if (part === 'load-balancer')
      assert.ok(
        failures.every(({ at }) => at < back + 1_000),
        JSON.stringify(failures),
      );
    else assert.deepEqual(failures, [], `${failures.length} of ${load.sent()} requests failed`);
    const end = deploy?.failure_code ? `${deploy.state} (${deploy.failure_code})` : (deploy?.state ?? 'lost');
    recordRow({ step, fault: part, end, trueAfterMs, sent: load.sent(), failed: failures.length });
    t.diagnostic(
      `${deploy?.state}, content ${Math.round(performance.now() - begin)} ms after the kill (checker ${Math.round(settled)} ms), ` +
        `${failures.length} of ${load.sent()} requests failed`,
    );
  });
}

async function kill(part: Part): Promise<void> {
  const { hawser, fleet } = world;
  if (part === 'redis-emptied') return world.emptyRedis();
  if (part === 'dockerd') {
    const [server] = fleet.servers;
    await server?.killDocker();
    await server?.startDocker();
    return;
  }
  const old = await hawser.pidOf(part);
  await hawser.kill(part);
  if (part === 'up') await hawser.start();
  if (part === 'load-balancer')
    await eventually(
      async () => (await hawser.pidOf(part)) !== old && (await hawser.fetch(world.domain)).status === 200,
    );
}

/** Whoever lost the server pushes again: it attaches to the deploy that goes on, or finds the branch moved. */
async function attachAgain(commit: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const again = world.pushAgain(commit);
    const code = await again.done;
    if (code === 0) return;
    const refused = /Connection refused|Failed to connect|Empty reply|Connection reset/.test(again.output());
    assert.ok(refused, again.output());
  }
  assert.fail('the server did not come back');
}

function checkOutput(
  output: string,
  code: number | null,
  deploy: ReturnType<FaultWorld['readDeploy']>,
): void {
  if (deploy?.state === 'live') {
    assert.equal(code, 0, output);
    assert.match(output, /Released v\d+/);
    return;
  }
  assert.notEqual(code, 0, output);
  assert.ok(output.includes(deploy?.failure_message ?? '?'), output);
}

async function checkOneMigration(deployId: number): Promise<void> {
  const journal = await readFile(join(world.hawser.data, 'journals', `${deployId}.log`), 'utf8');
  const runs = new Set(journal.match(/migrated by [0-9a-f-]{36}/g));
  assert.ok(runs.size <= 1, `the release command ran ${runs.size} times:\n${journal}`);
}
