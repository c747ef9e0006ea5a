import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import type { TestHawser } from '../support/hawser.ts';
import { isGone } from '../support/process-state.ts';
import { makeRepository } from '../support/repository.ts';

const parts = ['redis', 'registry', 'load-balancer', 'server', 'worker-build', 'worker-rollout'];
// Limits are for what never comes: how fast it is depends on the machine, and is told, not asserted.
const backMs = 30_000;
// The supervisor gives up one that stands still after 20 s of its own clock.
const frozenMs = 20_000;
const replacedMs = 90_000;
const busyMs = 6_000;

let world: DeployWorld;
let hawser: TestHawser;
before(async () => {
  world = await openDeployWorld(1);
  hawser = world.hawser;
});
after(async () => {
  // The last test ended it; its apps are destroyed by itself.
  await hawser?.start();
  await world?.close();
});

for (const part of parts) {
  test(`${part} is back after its death`, async (t) => {
    const old = await hawser.pidOf(part);
    const begin = performance.now();
    await hawser.kill(part);
    const pid = await eventually(
      async () => {
        const now = await hawser.pidOf(part);
        return now !== old && isAlive(now) ? now : 0;
      },
      { timeoutMs: backMs, intervalMs: 10 },
    );
    const back = performance.now() - begin;
    if (part === 'server') await eventually(isReady, { timeoutMs: backMs, intervalMs: 10 });
    t.diagnostic(`process ${old} is ${pid} after ${Math.round(back)} ms`);
  });
}

test('a server and a worker that stand still for good are replaced, and a push goes live', {
  timeout: 300_000,
}, async (t) => {
  const frozen = ['server', 'worker-rollout'];
  const old = await Promise.all(frozen.map((part) => hawser.pidOf(part)));
  const busy = await hawser.pidOf('worker-build');
  const begin = performance.now();
  for (const pid of [...old, busy]) process.kill(pid, 'SIGSTOP');
  await pause(busyMs);
  process.kill(busy, 'SIGCONT');
  await eventually(
    async () =>
      old.every(isGone) && (await listPids(frozen)).every((pid) => !old.includes(pid) && isAlive(pid)),
    { timeoutMs: replacedMs },
  );
  const replaced = performance.now() - begin;
  // The last sign of life may have been some seconds before it stood still.
  assert.ok(replaced > frozenMs - 5_000, `given up after ${replaced} ms already`);
  await eventually(isReady, { timeoutMs: replacedMs });
  assert.equal(await hawser.pidOf('worker-build'), busy, 'one that was busy for some seconds is left alone');
  assert.match(hawser.output(), /server gave no sign of life for \d+ s/);
  await using repository = await makeRepository('hello');
  const app = `frozen${process.pid}`;
  const { code, stderr } = await repository.push(hawser.remote(app));
  assert.equal(code, 0, `${stderr}\n${await hawser.readLogs()}`);
  assert.equal((await hawser.fetch(`${app}.localhost`)).status, 200);
  t.diagnostic(`replaced after ${Math.round(replaced)} ms`);
});

test('a second `hawser up` on the same data folder is refused', async () => {
  const second = await hawser.cli('up');
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, /already_running|runs already on/);
  assert.ok(await isReady(), 'the first one is not disturbed');
});

test('a `hawser up` that was killed leaves its parts to the next one', async () => {
  const served = await hawser.pidOf('load-balancer');
  const [supervisor, server] = await Promise.all([hawser.pidOf('up'), hawser.pidOf('server')]);
  await hawser.kill('up');
  await eventually(() => !isAlive(supervisor));
  await hawser.start();
  // Until then it may be the old server that answers.
  await eventually(
    async () => isGone(server) && (await hawser.pidOf('server')) !== server && (await isReady()),
  );
  assert.equal(await hawser.pidOf('load-balancer'), served, 'the load balancer goes on untouched');
  assert.deepEqual(await listOurs(hawser.folder, 'redis-server'), [await hawser.pidOf('redis')]);
});

test('SIGTERM ends everything and leaves no process, also when nobody hears what is said', {
  timeout: 120_000,
}, async (t) => {
  const pids = await Promise.all(['up', ...parts].map((part) => hawser.pidOf(part)));
  hawser.closeOutput();
  const begin = performance.now();
  await hawser.stop();
  const took = performance.now() - begin;
  assert.deepEqual(pids.filter(isAlive), [], 'processes of the pid files');
  await eventually(async () => (await listOurs(hawser.folder)).length === 0).catch(async () =>
    assert.fail(`left: ${await listOurs(hawser.folder)}`),
  );
  t.diagnostic(`${Math.round(took)} ms`);
});

function listPids(names: readonly string[]): Promise<number[]> {
  return Promise.all(names.map((part) => hawser.pidOf(part)));
}

async function isReady(): Promise<boolean> {
  return (await fetch(`${hawser.url}/readyz`)).ok;
}

function isAlive(pid: number): boolean {
  return !isGone(pid);
}

/** Processes that name the installation's folder on their command line. */
async function listOurs(folder: string, program = ''): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(join('/proc', name, 'cmdline'), 'utf8').catch(() => '');
    if (command.includes(folder) && command.includes(program)) found.push(Number(name));
  }
  return found;
}
