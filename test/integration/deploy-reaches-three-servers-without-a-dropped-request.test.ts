import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = 'shop';
const domain = `${app}.localhost`;

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(3);
  repository = await makeRepository('hello');
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function push() {
  return repository.push(world.hawser.remote(app));
}

test('a push shows its build, ends with the release and moves the branch', async () => {
  const { code, stderr } = await push();
  assert.equal(code, 0, stderr);
  for (const line of [
    /-----> Queued deploy \d+ for shop\/production \(1st in line\)/,
    /-----> Building [0-9a-f]{7} /,
    /Step 1\/\d+ : FROM hawser-base\/busybox/,
    /-----> Publishing sha256:/,
    /-----> Rolling out v1 to 3 servers/,
    /app1 {2}pulled [\d.]+s {2}healthy [\d.]+s {2}in rotation/,
    /=====> Released v1 {2}http:\/\/shop\.localhost/,
  ]) {
    assert.match(stderr, line);
  }
  const [line = ''] = (await repository.git('ls-remote', world.hawser.remote(app), 'refs/heads/main')).split(
    '\t',
  );
  assert.equal(line, await repository.git('rev-parse', 'HEAD'));
});

test('every server serves it, on its own address only, and names what it is', async () => {
  const containers = await world.containersOf(app);
  assert.deepEqual(containers.map(({ name }) => name).sort(), [
    'shop-production-v1-web-1',
    'shop-production-v1-web-2',
    'shop-production-v1-web-3',
  ]);
  for (const [index, server] of world.fleet.servers.entries()) {
    const container = containers.find(({ name }) => name.endsWith(`-${index + 1}`));
    assert.match(container?.ports ?? '', new RegExp(`^${server.address.replaceAll('.', '\\.')}:\\d+->`));
    assert.equal(container?.labels['hawser.release'], '1');
  }
  assert.deepEqual(await world.listAnswers(domain), ['200 one']);
});

test('a second push under 200 requests a second drops none, and both releases are seen', async (t) => {
  await repository.commit({ 'version.txt': 'two\n' });
  const { value, report } = await world.loadWhile(domain, push);
  assert.equal(value.code, 0, value.stderr);
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()].sort(), ['one', 'two']);
  assert.deepEqual(await world.listAnswers(domain), ['200 two']);
  t.diagnostic(`0 of ${report.sent} requests failed, p99 ${report.p99.toFixed(0)} ms`);
});

test('a rollback under the same load drops none, builds nothing and needs no registry', async (t) => {
  const registry = await world.hawser.pidOf('registry');
  process.kill(registry, 'SIGSTOP');
  t.after(() => process.kill(registry, 'SIGCONT'));
  const begin = performance.now();
  const { value, report } = await world.loadWhile(domain, () => world.hawser.cli('rollback', '-a', app));
  const ms = performance.now() - begin;
  assert.equal(value.code, 0, value.stderr);
  assert.doesNotMatch(`${value.stdout}\n${value.stderr}`, /Building|Publishing/);
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()].sort(), ['one', 'two']);
  assert.deepEqual(await world.listAnswers(domain), ['200 one']);
  t.diagnostic(`${(ms / 1000).toFixed(1)} s`);
});

test('in the end every server runs the one release and nothing else', async () => {
  await eventually(async () => {
    const containers = await world.containersOf(app);
    const releases = new Set(containers.map(({ labels }) => labels['hawser.release']));
    return containers.length === 3 && releases.size === 1 && releases.has('3');
  });
});
