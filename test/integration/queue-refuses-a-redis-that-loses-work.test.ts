import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkRedis, refuseLossyRedis } from '../../src/queue/queue.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/sshd.ts';

/** A real Redis on a loopback port with these settings. */
async function openRedis(t: TestContext, ...settings: string[]): Promise<{ url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-redis-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn('redis-server', [...place, ...settings], { stdio: 'ignore' });
  t.after(async () => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  });
  const address = { url: `redis://127.0.0.1:${port}` };
  await eventually(async () => {
    const answer = await checkRedis(address).then(
      () => 'good',
      (error) => error.code,
    );
    return answer !== 'redis_unreachable';
  });
  return address;
}

test('the defaults of a distribution are refused with the command that mends them', async (t) => {
  const address = await openRedis(t, '--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru');
  await assert.rejects(
    refuseLossyRedis(address, assert.fail),
    (error: Error & { code: string; fix: string }) => {
      assert.equal(error.code, 'redis_policy');
      assert.match(error.message, /maxmemory-policy is allkeys-lru, appendonly is no/);
      assert.match(error.fix, /redis-cli CONFIG SET maxmemory-policy noeviction/);
      assert.match(error.fix, /redis-cli CONFIG SET appendonly yes/);
      return true;
    },
  );
});

test('a Redis that keeps every answered write is taken', async (t) => {
  const policy = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
  await refuseLossyRedis(await openRedis(t, ...policy), assert.fail);
});

test('one that is away is told of, and waited for', async () => {
  const said: string[] = [];
  const url = `redis://127.0.0.1:${await findFreePort()}`;
  await refuseLossyRedis({ url }, (message) => said.push(message));
  assert.match(said.join(), /Redis does not answer/);
});
