import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { openHawser, type TestHawser } from '../support/hawser.ts';
import { isGone } from '../support/process-state.ts';

const parts = ['redis', 'registry', 'load-balancer', 'server', 'worker-build', 'worker-rollout'];
const backMs = 2_000;
const endMs = 25_000;

let hawser: TestHawser;
before(async () => {
  hawser = await openHawser();
});
after(() => hawser?.close());

for (const part of parts) {
  test(`${part} is back within ${backMs / 1000} s of its death`, async (t) => {
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
    if (part === 'server') await eventually(isReady, { timeoutMs: backMs - back, intervalMs: 10 });
    t.diagnostic(`process ${old} is ${pid} after ${Math.round(back)} ms`);
  });
}

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
    {
      timeoutMs: 20_000,
    },
  );
  assert.equal(await hawser.pidOf('load-balancer'), served, 'the load balancer goes on untouched');
  assert.deepEqual(await listOurs(hawser.folder, 'redis-server'), [await hawser.pidOf('redis')]);
});

test(`SIGTERM ends everything within ${endMs / 1000} s and leaves no process`, async (t) => {
  const pids = await Promise.all(['up', ...parts].map((part) => hawser.pidOf(part)));
  const begin = performance.now();
  await hawser.stop();
  const took = performance.now() - begin;
  assert.ok(took < endMs, `${took} ms`);
  assert.deepEqual(pids.filter(isAlive), [], 'processes of the pid files');
  await eventually(async () => (await listOurs(hawser.folder)).length === 0, { timeoutMs: 2_000 }).catch(
    async () => assert.fail(`left: ${await listOurs(hawser.folder)}`),
  );
  t.diagnostic(`${Math.round(took)} ms`);
});

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
