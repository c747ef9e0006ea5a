import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeBaseImages } from '../../src/setup/base-images.ts';
import { openLedgerFile } from '../support/checker.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { openFleet, type TestFleet, type TestServer } from '../support/fleet.ts';
import { openHawser, type TestHawser } from '../support/hawser.ts';
import { startLoad } from '../support/load.ts';
import { makeRepository, type Repository } from '../support/repository.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';

const app = `full${process.pid}`;
const domain = `${app}.localhost`;
const mega = 2 ** 20;
const rollout = { health: { interval: '100ms', deadline: '30s' }, drain: '1s', stopTimeout: '1s' };

let fleet: TestFleet;
let server: TestServer;
let hawser: TestHawser;
let repository: Repository;

before(async () => {
  await makeBaseImages(['busybox']);
  fleet = await openFleet({ servers: 1, diskBytes: 300 * mega });
  server = fleet.server('app1');
  const config = {
    servers: fleet.config,
    limits: { diskFloor: '30m' },
    environments: { production: { branches: ['main'], rollout } },
  };
  hawser = await openHawser(config, { prepare: (data) => mountSmallDisk(data, 300 * mega) });
  repository = await makeRepository('hello');
  for (const version of ['one', 'two']) await pushLive(version);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  try {
    await hawser?.cli('apps:destroy', app, '--confirm', app);
    await hawser?.close();
  } finally {
    await fleet?.close();
  }
});

function push() {
  return repository.push(hawser.remote(app));
}

async function pushLive(version: string, files: Record<string, string> = {}): Promise<void> {
  await repository.commit({ 'version.txt': `${version}\n`, ...files });
  const { code, stderr } = await push();
  assert.equal(code, 0, stderr);
  assert.equal(await readVersion(), version);
}

async function readVersion(): Promise<string> {
  return (await hawser.fetch(domain)).body.trim();
}

/** Loads the app while the work goes on, which must cost no request. */
async function unharmed<T>(work: () => Promise<T>): Promise<T> {
  const { host, port } = hawser.edge;
  const load = await startLoad({ url: `http://${host}:${port}/`, host: domain, rate: 100 });
  let value: T;
  try {
    value = await work();
  } catch (error) {
    await load.stop();
    throw error;
  }
  assert.deepEqual((await load.stop()).failed, []);
  return value;
}

function lastDeploy(): Record<string, unknown> {
  using ledger = openLedgerFile(hawser.data);
  return ledger.all('select * from deploys order by id desc limit 1')[0] ?? {};
}

test('a server below the floor is told by name before anything is pulled there', async (t) => {
  const disk = join(server.folder, 'docker');
  const free = await fillDisk(disk, 20 * mega);
  t.after(free);
  const images = await docker(server, 'images', '-q', '--no-trunc');
  await repository.commit({ 'version.txt': 'three\n' });
  const { code, stderr } = await unharmed(push);
  assert.notEqual(code, 0, stderr);
  assert.match(
    stderr,
    /\[remote rejected\] main -> main \(app1: it has 2\d MB of disk free; 31 MB are needed/,
  );
  assert.match(stderr, /hawser disk:prune -s app1/);
  assert.deepEqual([lastDeploy().state, lastDeploy().failure_code], ['failed', 'server_disk_low']);
  assert.equal(await docker(server, 'images', '-q', '--no-trunc'), images);
  assert.equal(await readVersion(), 'two');
  // The image of a release before is there: going back needs no disk.
  const back = await unharmed(() => hawser.cli('rollback', '-a', app));
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await readVersion(), 'one');
  await free();
  const again = await push();
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await readVersion(), 'three');
});

test('a disk that fills up while an image is brought ends that deploy, with its name', async (t) => {
  const free = await fillDisk(join(server.folder, 'docker'), 50 * mega);
  t.after(free);
  const Dockerfile = `FROM hawser-base/busybox
WORKDIR /app
RUN dd if=/dev/urandom of=/big bs=1M count=70
COPY version.txt index.html serve.sh ./
EXPOSE 8080
CMD ["sh", "serve.sh"]
`;
  await repository.commit({ 'version.txt': 'four\n', Dockerfile });
  const { code, stderr } = await unharmed(push);
  assert.notEqual(code, 0, stderr);
  assert.match(stderr, /app1: .*no space left on device/);
  assert.deepEqual([lastDeploy().state, lastDeploy().failure_code], ['failed', 'server_disk_low']);
  assert.equal(await readVersion(), 'three');
  await free();
  const again = await push();
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await readVersion(), 'four');
});

test('below the floor of the data disk pushes and builds are refused, serving and rolling back go on', async (t) => {
  await repository.commit({ 'version.txt': 'five\n' });
  const free = await fillDisk(hawser.data, 20 * mega);
  t.after(free);
  const { code, stderr } = await unharmed(push);
  assert.notEqual(code, 0, stderr);
  assert.match(stderr, /Hawser's own disk has 2\d MB free; 31 MB are needed/);
  const back = await unharmed(() => hawser.cli('rollback', '-a', app));
  assert.equal(back.code, 0, back.stderr);
  assert.equal(await readVersion(), 'three');
  // One that is queued already ends before it begins.
  using ledger = openLedgerFile(hawser.data);
  const failed = ledger.all(
    `select id from deploys where kind = 'push' and state = 'failed' order by id desc`,
  );
  const retried = await hawser.cli('deploys:retry', String(failed[0]?.id));
  assert.notEqual(retried.code, 0, retried.stdout);
  assert.deepEqual([lastDeploy().state, lastDeploy().failure_code], ['failed', 'server_disk_low']);
  await free();
  const again = await push();
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await readVersion(), 'five');
});

test('a data disk that is full to the last byte stops no app, and nothing is to be mended by hand', async (t) => {
  const free = await fillDisk(hawser.data, 0);
  t.after(free);
  await unharmed(async () => {
    const refused = await push();
    assert.notEqual(refused.code, 0, refused.stderr);
    // Long enough for every chore of the upkeep to meet it.
    await pause(12_000);
  });
  const redis = await listProcesses('redis-server', `unixsocket:${hawser.data}`);
  assert.ok(redis.length <= 1, `${redis.length} of it run`);
  assert.equal(await readVersion(), 'five');
  await free();
  await repository.commit({ 'version.txt': 'six\n' });
  await eventually(async () => (await fetch(`${hawser.url}/readyz`)).ok, { timeoutMs: 60_000 });
  await unharmed(async () => {
    const again = await push();
    assert.equal(again.code, 0, `${again.stderr}\n${await hawser.readLogs()}`);
  });
  assert.equal(await readVersion(), 'six');
  assert.equal(existsSync(join(hawser.data, 'filler')), false);
});

/** Pids of a program that has this text among its words. */
async function listProcesses(program: string, text: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, index) => lines[index]?.startsWith(program) && lines[index]?.includes(text));
}
