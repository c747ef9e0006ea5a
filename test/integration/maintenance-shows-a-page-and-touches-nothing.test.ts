import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fetchWhole } from '../conformance/load-balancer-parts.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `page${process.pid}`;
const domain = `${app}.localhost`;
const rollout = { health: { interval: '100ms', deadline: '30s' }, drain: '2s', stopTimeout: '2s' };

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(1, {
    environments: {
      production: { branches: ['main'], sticky: true, rollout },
      staging: { branches: ['staging'], rollout },
    },
  });
  repository = await makeRepository('hello');
  await push('main');
  await push('staging');
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

async function push(branch: string): Promise<void> {
  const { code, stderr } = await repository.push(world.hawser.remote(app), {
    refspec: `HEAD:refs/heads/${branch}`,
  });
  assert.equal(code, 0, stderr);
}

async function maintain(verb: 'on' | 'off', ...argv: string[]) {
  const { code, stdout, stderr } = await world.hawser.cli(`maintenance:${verb}`, '-a', app, ...argv);
  return { code, stdout, stderr };
}

async function listIds(): Promise<string[]> {
  return (await world.containersOf(app)).map(({ id }) => id).sort();
}

test('the page is there when the command ends, and the app when the next one does', async () => {
  const before = await listIds();
  const app200 = await world.hawser.fetch(domain);
  assert.equal(app200.status, 200);

  const on = await maintain('on', 'We move <house>.', '--json');
  assert.deepEqual(
    { ...on, stdout: JSON.parse(on.stdout) },
    {
      code: 0,
      stderr: '',
      stdout: { env: 'production', maintenance: 'We move <house>.', applied: true },
    },
  );
  const page = await world.hawser.fetch(domain);
  assert.equal(page.status, 503);
  assert.match(page.body, /We move <house>\./);
  assert.equal((await world.hawser.fetch(`${app}-staging.localhost`)).status, 200, 'staging goes on');
  assert.deepEqual(await listIds(), before);
  const { stdout } = await world.hawser.cli('apps:info', '-a', app);
  assert.match(stdout, /production is in maintenance: We move <house>\./);
  assert.doesNotMatch(stdout, /staging is in/);

  assert.equal((await maintain('on')).code, 0);
  assert.match((await world.hawser.fetch(domain)).body, /being worked on/);

  const off = await maintain('off');
  assert.deepEqual(off, { code: 0, stdout: '', stderr: `${app} production answers again.\n` });
  assert.deepEqual(await world.hawser.fetch(domain), app200);
  assert.deepEqual(await listIds(), before);
});

test('it outlives the load balancer and a deploy, which goes live behind the page', async () => {
  assert.equal((await maintain('on', 'Moving.')).code, 0);
  await world.hawser.kill('load-balancer');
  await eventually(
    async () => {
      const { status, body } = await world.hawser.fetch(domain).catch(() => ({ status: 0, body: '' }));
      return status === 503 && body.includes('Moving.');
    },
    { timeoutMs: 60_000 },
  );
  await repository.commit({ 'version.txt': 'two\n' });
  await push('main');
  assert.match((await world.hawser.fetch(domain)).body, /Moving\./);
  assert.equal((await maintain('off')).code, 0);
  assert.match((await world.hawser.fetch(domain)).body, /two/);
});

test('clients of a sticky environment get a cookie, and those of others do not', async () => {
  const cookiesOf = async (host: string) =>
    (await fetchWhole(world.hawser.edge.port, host)).headers['set-cookie'] ?? [];
  const [cookie = ''] = await cookiesOf(domain);
  assert.match(cookie, /^hawser=[0-9a-f]{16}; path=\/; HttpOnly; SameSite=Lax$/);
  assert.deepEqual(await cookiesOf(`${app}-staging.localhost`), []);
});

test('what cannot be shown is refused with its reason, and nothing changes', async () => {
  const long = await maintain('on', 'x'.repeat(1_001));
  assert.notEqual(long.code, 0);
  assert.match(long.stderr, /message/);
  const control = await maintain('on', 'a\u001b[2Jb');
  assert.notEqual(control.code, 0);
  assert.match(control.stderr, /use one line of text/);
  const unknown = await maintain('on', '-e', 'nowhere');
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /environment_unknown/);
  assert.equal((await world.hawser.fetch(domain)).status, 200);
});
