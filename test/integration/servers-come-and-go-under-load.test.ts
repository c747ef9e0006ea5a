import assert from 'node:assert/strict';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository } from '../support/repository.ts';

const app = `come${process.pid}`;
const domain = `${app}.localhost`;
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '3s', stopTimeout: '2s' };
const wait = { timeoutMs: 60_000 };

let world: DeployWorld;

before(async () => {
  world = await openDeployWorld(4, ({ config: { app4: _, ...servers } }) => ({
    servers,
    environments: {
      production: { branches: ['main'], rollout },
      single: { branches: ['single'], servers: ['app1'], rollout },
    },
  }));
  await using repository = await makeRepository('hello');
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
});
after(() => world?.close());

/** `server id` of every running container of the app. */
async function listRunning(): Promise<string[]> {
  const lists = await Promise.all(
    world.fleet.servers.map(async (server) => {
      const containers = await world.containersOn(server, app);
      return containers.map(({ id }) => `${server.name} ${id}`);
    }),
  );
  return lists.flat();
}

async function runsOn(name: string): Promise<boolean> {
  return (await listRunning()).some((line) => line.startsWith(`${name} `));
}

/** Servers behind the load balancer, by the ledger. */
function listRouted(): string {
  using ledger = openLedgerFile(world.hawser.data);
  return ledger
    .all('select server from backends order by server')
    .map(({ server }) => server)
    .join();
}

function describeFourth() {
  const { address, identity, hostKey } = world.fleet.server('app4');
  const base = ['servers:add', 'app4', `root@${address}:22`, '--identity', identity];
  return { address, base, whole: [...base, '--fingerprint', hostKey] };
}

test('a machine that is not fit, or not what it was said to be, is not added', async () => {
  const { hawser, fleet } = world;
  const { base, whole } = describeFourth();
  const refusals: [string[], number, RegExp][] = [
    [base, 2, /code: not_confirmed/],
    [[...base, '--fingerprint', `SHA256:${'A'.repeat(43)}`], 1, /code: host_key_changed/],
    [whole.with(1, 'app2'), 1, /code: managed_by_file/],
    [[...whole, '--address', fleet.server('app2').address], 1, /app2 has the same address/],
    [[...whole, '--address', fleet.address], 1, /is not an address of app4/],
    [[...whole, '--via', 'nope'], 4, /code: server_unknown/],
    [whole.with(1, 'App_4'), 2, /code: invalid_input/],
  ];
  for (const [argv, code, words] of refusals) {
    const done = await hawser.cli(...argv);
    assert.match(done.stdout + done.stderr, words, argv.join(' '));
    assert.equal(done.code, code, argv.join(' '));
  }
  const fourth = fleet.server('app4');
  await fourth.killDocker();
  const { code, stdout, stderr } = await hawser.cli(...whole);
  await fourth.startDocker();
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^FAILED {3}app4: docker: .*\n {9}fix: .*Docker/m);
  using ledger = openLedgerFile(hawser.data);
  assert.deepEqual(ledger.all('select name from servers'), []);
  assert.deepEqual(ledger.all('select server from pins'), []);
});

test('a fourth server serves when it is added, and leaves again, without a failed request', async (t) => {
  const { hawser } = world;
  const before = await listRunning();
  assert.equal(before.length, 3);
  const { report } = await world.loadWhile(domain, async () => {
    const added = await hawser.cli(...describeFourth().whole, '--bootstrap');
    assert.equal(added.code, 0, added.stdout + added.stderr);
    assert.match(added.stderr, /nothing is installed/);
    assert.match(added.stdout, /^warning {2}app4: live-restore/m);
    const begin = performance.now();
    await eventually(() => listRouted() === 'app1,app2,app3,app4', wait);
    t.diagnostic(`routed ${((performance.now() - begin) / 1000).toFixed(1)} s after it was added`);
    const now = await listRunning();
    assert.deepEqual(now.filter((line) => !line.startsWith('app4 ')).sort(), before.toSorted());
    const undrained = await hawser.cli('servers:remove', 'app4');
    assert.match(undrained.stderr, /app4 is not drained/);
    const drained = await hawser.cli('servers:drain', 'app4', '--reason', 'new disk');
    assert.equal(drained.code, 0, drained.stderr);
    assert.equal(await runsOn('app4'), false);
    assert.match((await hawser.cli('servers:info', 'app4')).stdout, /drained by operator .* new disk/);
    const removed = await hawser.cli('servers:remove', 'app4');
    assert.equal(removed.code, 0, removed.stderr);
  });
  assert.deepEqual(report.failed, []);
  assert.deepEqual((await listRunning()).sort(), before.toSorted());
  assert.equal((await hawser.cli('servers:info', 'app4')).code, 4);
});

test('one of the middle is drained and comes back, and the others are left alone', async () => {
  const { hawser } = world;
  const others = (lines: string[]) => lines.filter((line) => !line.startsWith('app2 ')).sort();
  const before = others(await listRunning());
  const { report } = await world.loadWhile(domain, async () => {
    const drained = await hawser.cli('servers:drain', 'app2');
    assert.equal(drained.code, 0, drained.stderr);
    assert.equal(listRouted(), 'app1,app3');
    assert.deepEqual((await listRunning()).sort(), before);
    const undrained = await hawser.cli('servers:undrain', 'app2');
    assert.equal(undrained.code, 0, undrained.stderr);
    await eventually(() => listRouted() === 'app1,app2,app3', wait);
  });
  assert.deepEqual(report.failed, []);
  assert.deepEqual(others(await listRunning()), before);
  const last = await hawser.cli('servers:drain', 'app1');
  assert.match(last.stderr, /app1 is the last server of single/);
  const managed = await hawser.cli('servers:remove', 'app3');
  assert.match(managed.stderr, /Remove the line "servers"\."app3"/);
});

test('a fresh machine announces itself by its invitation, once', async () => {
  const { hawser, fleet } = world;
  const { address, hostKey, identity } = fleet.server('app4');
  const { code, stdout, stderr } = await hawser.cli('servers:invite', '--json');
  assert.equal(code, 0, stderr);
  const { token, userData } = JSON.parse(stdout);
  const announce = async (body: object) => {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ token, ...body }) };
    const answer = await fetch(`${hawser.url}/api/v1/servers/join`, init);
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  };
  const me = { name: 'app4', address, user: 'root', hostKey };
  assert.equal((await announce({ ...me, token: 'hw_x' })).json.code, 'invitation_invalid');
  const early = await announce(me);
  assert.equal(early.json.code, 'server_not_fit');
  assert.match(String(early.json.detail), /app4: ssh: .*was not let in/);
  // What cloud-init does with the user data: the key is let in, and for nothing but what is needed.
  const line = /^ +- (restrict,port-forwarding ssh-ed25519 .*)$/m.exec(userData)?.[1];
  assert.ok(line?.includes((await readFile(join(hawser.data, 'keys/id_ed25519.pub'), 'utf8')).trim()));
  await appendFile(`${identity}.pub`, `${line}\n`);
  const { report } = await world.loadWhile(domain, async () => {
    // The failed attempt is remembered for two seconds, as for everybody who asks for a dead server.
    await eventually(async () => (await announce(me)).status === 201, wait);
    await eventually(() => listRouted().endsWith('app4'), wait);
  });
  assert.deepEqual(report.failed, []);
  assert.equal((await announce(me)).status, 201);
  assert.equal((await announce({ ...me, name: 'app5' })).json.code, 'invitation_invalid');
});

test('a dead server is forgotten by force, and nothing is routed to it when it returns', async () => {
  const { hawser, fleet } = world;
  const fourth = fleet.server('app4');
  await fourth.partition();
  const removed = await hawser.cli('servers:remove', 'app4', '--force');
  assert.equal(removed.code, 0, removed.stderr);
  await eventually(() => listRouted() === 'app1,app2,app3', wait);
  await fourth.heal();
  const { stdout } = await hawser.cli('servers', '--json');
  assert.deepEqual(
    JSON.parse(stdout).map(({ name }: { name: string }) => name),
    ['app1', 'app2', 'app3'],
  );
  using ledger = openLedgerFile(hawser.data);
  assert.deepEqual(ledger.all("select name from containers where server = 'app4'"), []);
  const actions = ledger.all("select action from events where action like 'servers:%' order by id");
  assert.ok(actions.length >= 7, JSON.stringify(actions));
});
