import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker, type ListedContainer } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `mend${process.pid}`;
const health = { interval: '100ms', deadline: '20s' };
const rollout = { health, drain: '2s', stopTimeout: '2s', onUnreachable: 'skip' };
const wait = { timeoutMs: 90_000, intervalMs: 200 };
const envs = ['production', 'limits', 'paused', 'taken', 'stopped', 'deaf', 'moved'];

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(2, {
    environments: Object.fromEntries(envs.map((env) => [env, { branches: [env], rollout }])),
  });
  repository = await makeRepository('hello');
  const pushed = await Promise.all(envs.map(push));
  for (const { code, stderr } of pushed) assert.equal(code, 0, stderr);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function push(env: string) {
  return repository.push(world.hawser.remote(app), { refspec: `HEAD:refs/heads/${env}` });
}

const domainOf = (env: string) => (env === 'production' ? `${app}.localhost` : `${app}-${env}.localhost`);

async function listOf(env: string, server: string): Promise<readonly ListedContainer[]> {
  const containers = await world.containersOn(world.fleet.server(server), app);
  return containers.filter(({ labels }) => labels['hawser.env'] === env);
}

async function oneOf(env: string, server: string): Promise<ListedContainer> {
  const [one, ...more] = await listOf(env, server);
  if (one === undefined || more.length > 0) throw new Error(`${env} has ${more.length + 1} on ${server}`);
  return one;
}

function on(server: string, ...argv: string[]): Promise<string> {
  return docker(world.fleet.server(server), ...argv);
}

async function inspect(server: string, id: string, format: string): Promise<string> {
  return on(server, 'inspect', '--format', format, id);
}

/** What the load balancer's own socket answers. */
async function askBalancer(command: string): Promise<string> {
  const socket = connect({ path: join(world.hawser.data, 'load-balancer', 'admin.sock') });
  socket.end(`${command}\n`);
  return text(socket);
}

test('what a hand changed, stopped, paused or removed on a server is as it should be again', async (t) => {
  const image = (await oneOf('limits', 'app1')).image;
  const [limits, paused, taken, stopped, away, deaf] = await Promise.all([
    oneOf('limits', 'app1'),
    oneOf('paused', 'app1'),
    oneOf('taken', 'app1'),
    oneOf('stopped', 'app1'),
    oneOf('stopped', 'app2'),
    oneOf('deaf', 'app2'),
  ]);
  const memory = await inspect('app1', limits.id, '{{.HostConfig.Memory}}');
  const { report } = await world.loadWhile(domainOf('limits'), async () => {
    await on('app1', 'update', '--memory', '200m', '--memory-swap', '200m', limits.id);
    const labels = Object.entries(limits.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
    await on('app1', 'run', '-d', '--name', `${app}-stray`, ...labels, image);
    await on('app1', 'run', '-d', '--name', `${app}-foreign`, image);
    await on('app1', 'pause', paused.id);
    await on('app1', 'rm', '-f', taken.id);
    await on('app1', 'run', '-d', '--name', taken.name, image);
    await on('app1', 'stop', stopped.id);
    await on('app2', 'network', 'disconnect', '-f', `hawser-${app}-stopped`, away.id);
    // As an engine that was killed leaves one at times: it runs, and nothing reaches it.
    const pid = await inspect('app2', deaf.id, '{{.State.Pid}}');
    await world.fleet
      .server('app2')
      .run('nsenter', ['-t', pid.trim(), '-n', 'ip', 'link', 'set', 'eth0', 'down']);
    const info = await world.hawser.cli('servers:info', 'app2', '--json');
    const shown = JSON.parse(info.stdout).containers.find(({ id }: { id: string }) => id === away.id);
    assert.ok(shown === undefined || shown.changed.includes('network'), info.stdout);
    const begin = performance.now();
    await eventually(async () => {
      const fresh = await oneOf('limits', 'app1');
      assert.notEqual(fresh.id, limits.id);
      assert.equal(await inspect('app1', fresh.id, '{{.HostConfig.Memory}}'), memory);
      assert.equal((await oneOf('paused', 'app1')).state, 'running');
      assert.equal((await oneOf('stopped', 'app1')).state, 'running');
      assert.notEqual((await oneOf('stopped', 'app2')).id, away.id);
      assert.notEqual((await oneOf('deaf', 'app2')).id, deaf.id);
      return true;
    }, wait);
    t.diagnostic(`mended after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  });
  assert.deepEqual(report.failed, []);
  await eventually(async () => /code":"name_taken"/.test(await world.hawser.readLogs()), wait);
  assert.equal(await inspect('app1', `${app}-foreign`, '{{.State.Status}}'), 'running');
  assert.deepEqual(await listOf('taken', 'app1'), []);
  // What cannot be mended on one server keeps no other one from what it lacks.
  const other = await oneOf('taken', 'app2');
  await on('app2', 'rm', '-f', other.id);
  await eventually(async () => (await oneOf('taken', 'app2')).id !== other.id, wait);
  assert.deepEqual(await listOf('taken', 'app1'), []);
  await on('app1', 'rm', '-f', taken.name);
  await eventually(async () => (await oneOf('taken', 'app1')).state === 'running', wait);
  for (const env of envs) {
    await eventually(async () => (await world.listAnswers(domainOf(env))).join() === '200 one', wait);
  }
  using ledger = openLedgerFile(world.hawser.data);
  const told = ledger.all("select detail from events where action = 'servers:converge'");
  const words = told.map(({ detail }) => detail).join('\n');
  assert.match(words, /limits-v1-web-1 is not as it was made: memory/);
  assert.match(words, /stopped-v1-web-2 is not as it was made: network/);
  assert.match(words, /deaf-v1-web-2 is not as it was made: no answer on its port/);
});

test('what is paused after it was mended goes on, as the container that it is', async () => {
  const { id } = await oneOf('paused', 'app1');
  await on('app1', 'pause', id);
  await eventually(async () => {
    const { state, id: now } = await oneOf('paused', 'app1');
    assert.deepEqual([state, now], ['running', id]);
    return true;
  }, wait);
});

test('a container that lost its port to another program is routed with its new one', async (t) => {
  const { name, image } = await oneOf('moved', 'app1');
  const addressOf = async () => (await on('app1', 'port', name)).split('\n', 1)[0]?.split(' -> ')[1] ?? '';
  const address = await addressOf();
  const thief = `${app}-thief`;
  await on('app1', 'create', '--name', thief, '--publish', `${address}:80`, image);
  t.after(() => on('app1', 'rm', '-f', thief));
  await eventually(async () => {
    await on('app1', 'stop', '--time', '1', name);
    return on('app1', 'start', thief);
  }, wait);
  await eventually(async () => {
    const fresh = await addressOf();
    assert.notEqual(fresh, address);
    const rows = (await askBalancer('show stat'))
      .split('\n')
      .filter((line) => line.includes(`-moved-v1-web-`));
    assert.ok(
      rows.some((line) => line.includes(`${name}:${fresh},`) && line.split(',')[17] === 'UP'),
      rows.join('\n'),
    );
    return true;
  }, wait);
});

test('a load balancer that somebody changed, or that died, has its table again', async () => {
  const folder = join(world.hawser.data, 'load-balancer');
  const rows = async () => {
    const lines = (await askBalancer('show stat'))
      .split('\n')
      .filter((line) => line.includes(`${app}-production-v1-web`));
    return lines
      .map((line) => line.split(','))
      .map((row) => ({ place: `${row[0]}/${row[1]}`, state: row[17], weight: row[18] }));
  };
  const before = await rows();
  assert.equal(before.length, 2, JSON.stringify(before));
  await askBalancer(`set server ${before[0]?.place} state maint`);
  await askBalancer(`set weight ${before[1]?.place} 1`);
  await eventually(async () => {
    assert.deepEqual(await rows(), before);
    return true;
  }, wait);
  await appendFile(join(folder, 'haproxy.cfg'), 'this is no config\n');
  await world.hawser.kill('load-balancer');
  await eventually(async () => (await world.hawser.fetch(domainOf('production'))).status === 200, wait);
  await eventually(async () => (await rows()).length === 2, wait);
});

test('a server that was away for two deploys never serves what it ran', async (t) => {
  const cut = world.fleet.server('app2');
  await cut.partition();
  t.after(() => cut.heal());
  for (const version of ['two', 'three']) {
    await repository.commit({ 'version.txt': `${version}\n` });
    const { code, stderr } = await push('production');
    assert.equal(code, 0, stderr);
  }
  const old = (await oneOf('production', 'app2')).id;
  const { report } = await world.loadWhile(domainOf('production'), async () => {
    await cut.heal();
    await eventually(async () => {
      const { id, labels, state } = await oneOf('production', 'app2');
      return id !== old && labels['hawser.release'] === '3' && state === 'running';
    }, wait);
  });
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()], ['three']);
});
