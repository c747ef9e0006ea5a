import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commitFile, makeSource, runClient } from '../support/receive-world.ts';

test('a push and a clone of 200 MB leave the memory of the server flat', async (t) => {
  const world = join(import.meta.dirname, '..', 'support', 'receive-world.ts');
  const script = `const { openWorld } = await import(${JSON.stringify(world)}); const world = await openWorld();
    process.once('SIGTERM', () => world[Symbol.asyncDispose]().then(() => process.exit()));
    console.log(world.url());`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    server.kill();
    await new Promise((resolve) => server.on('close', resolve));
  });
  const url = await new Promise<string>((resolve) =>
    server.stdout.once('data', (line) => resolve(String(line).trim())),
  );
  const folder = await mkdtemp(join(tmpdir(), 'large-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const source = await makeSource(folder, 'source', url);
  assert.equal((await runClient(source, ['push', 'deploy', 'main'])).code, 0);
  const before = await readPeak(server.pid);
  await commitFile(source, 'large', randomBytes(150 * 2 ** 20));
  await commitFile(source, 'more', randomBytes(50 * 2 ** 20));
  const pushed = await runClient(source, ['-c', 'pack.compression=0', 'push', 'deploy', 'main']);
  assert.equal(pushed.code, 0, pushed.output);
  assert.equal((await runClient(folder, ['clone', '-q', url, 'clone'])).code, 0);
  const grown = ((await readPeak(server.pid)) - before) / 2 ** 20;
  assert.ok(grown < 60, `the peak grew by ${grown} MiB`);
  t.diagnostic(`peak grew by ${grown.toFixed(0)} MiB`);
});

/** Most memory that a process ever had, in bytes. */
async function readPeak(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
