import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { removeServices, startServices } from '../../src/build/backing/start.ts';
import { openFleet } from '../../src/fleet/fleet.ts';
import { ensureNetwork, removeNetwork } from '../../src/fleet/network.ts';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker, listContainers } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Pushed, type Repository } from '../support/repository.ts';
import { openSshd } from '../support/sshd.ts';

const app = `tested${process.pid}`;
const domain = `${app}.localhost`;
const builder = { dockerHost: 'unix:///var/run/docker.sock' };
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '2s', stopTimeout: '2s' };
const stepLimitMs = 120_000;

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(1, {
    environments: { production: { branches: ['main'], rollout } },
    builders: { bases: {}, memory: '64m' },
  });
  repository = await makeRepository('hello');
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

type Tests = { test: string | readonly string[]; env?: object; timeout?: string };

/** Commits an app.json with these tests on top of the app, and pushes it. */
async function pushWith({ test, ...others }: Tests, services: object = {}): Promise<Pushed> {
  const environments = { test: { scripts: { test }, ...others } };
  const env = { GREETING: 'from the app', COLOUR: 'from the app', STORE_URL: 'from the app' };
  const appJson = JSON.stringify({ env, environments, hawser: { services } });
  await repository.commit({ 'app.json': appJson });
  return await repository.push(world.hawser.remote(app));
}

/** What the builder's engine still has of any check of the app. */
async function listLeftovers(): Promise<string[]> {
  const containers = await listContainers(builder, `label=hawser.app=${app}`);
  const networks = await docker(builder, 'network', 'ls', '-q', '--filter', `label=hawser.app=${app}`);
  return [...containers.map(({ name }) => name), ...networks.split('\n').filter(Boolean)];
}

async function branch(): Promise<string> {
  const listed = await repository.git('ls-remote', world.hawser.remote(app), 'refs/heads/main');
  return listed.split('\t')[0] ?? '';
}

function idOf({ stderr }: Pushed): string {
  return /Queued deploy (\d+)/.exec(stderr)?.[1] ?? assert.fail(stderr);
}

function readSteps(id: string): Record<string, unknown> {
  using ledger = openLedgerFile(world.hawser.data);
  const rows = ledger.all('select name, outcome from steps where deploy_id = ?', id);
  return Object.fromEntries(rows.map(({ name, outcome }) => [name, outcome]));
}

test('green tests go live, with what they wrote in the push', async () => {
  const print = 'echo "$GREETING / $COLOUR / $CI / $HAWSER_APP / $HAWSER_ENV / $HAWSER_RELEASE/"';
  const pushed = await pushWith({ test: print, env: { COLOUR: 'from the test' } });
  assert.equal(pushed.code, 0, pushed.stderr);
  const line = `from the app / from the test / true / ${app} / production / /`;
  assert.match(pushed.stderr, new RegExp(`> Testing: echo .*limit 10m.*${line}.*> Publishing`, 's'));
  assert.deepEqual(await world.listAnswers(domain), ['200 one']);
  assert.deepEqual(await listLeftovers(), []);
  const steps = readSteps(idOf(pushed));
  assert.deepEqual([steps.build, steps.check, steps.publish], ['done', 'done', 'done']);
  const { stdout } = await world.hawser.cli('deploys:info', idOf(pushed));
  assert.match(stdout, /check: done/);
});

const refused: Readonly<Record<string, { tests: Tests; services?: object; says: readonly RegExp[] }>> = {
  'red tests': {
    tests: { test: 'echo 3 of 4 passed; exit 7' },
    says: [/3 of 4 passed/, /the tests ended with exit code 7/, /\(check_failed\)/],
  },
  'tests that cannot be started': {
    tests: { test: ['/no/such/program'] },
    says: [/\/no\/such\/program/, /\(check_failed\)/],
  },
  'tests that need too much memory': {
    tests: { test: 'tail /dev/zero' },
    says: [/the tests needed more than 64m of memory/, /\(check_out_of_memory\)/],
  },
  'tests that hang': {
    tests: { test: 'echo it hangs; sleep 600', timeout: '5s' },
    says: [/it hangs/, /they have 5s/, /\(check_timeout\)/],
  },
  'a service that does not start': {
    tests: { test: 'echo never' },
    services: {
      queue: { image: 'hawser-base/busybox', command: ['sh', '-c', 'echo no disk; exit 3'], port: 9 },
    },
    says: [/The last lines of queue/, /no disk/, /queue .* exited with code 3/, /\(service_not_ready\)/],
  },
  'a service whose image is nowhere': {
    tests: { test: 'echo never' },
    services: { queue: { image: '127.0.0.1:1/gone:1', port: 9 } },
    says: [/queue: pull 127\.0\.0\.1:1\/gone:1/, /\(service_image_missing\)/],
  },
};

for (const [name, { tests, services, says }] of Object.entries(refused)) {
  test(`${name} stop the deploy with their reason, and nothing has changed`, async () => {
    const before = await branch();
    const containers = await world.containersOf(app);
    const pushed = await pushWith(tests, services);
    assert.notEqual(pushed.code, 0, pushed.stderr);
    assert.match(pushed.stderr, /! \[remote rejected\] main -> main/);
    for (const line of says) assert.match(pushed.stderr, line);
    assert.equal(await branch(), before);
    assert.deepEqual(await world.containersOf(app), containers);
    assert.deepEqual(await listLeftovers(), []);
    using ledger = openLedgerFile(world.hawser.data);
    const made = ledger.all('select id from releases where deploy_id = ?', idOf(pushed));
    assert.deepEqual(made, []);
    const steps = readSteps(idOf(pushed));
    assert.deepEqual([steps.check, steps.publish], ['failed', undefined]);
  });
}

const serve = 'mkdir /www; echo "$SECRET" > /www/index.html; sleep 0.3; exec httpd -f -p 7000 -h /www';
const ask = `
test "$(wget -q -O - http://store:7000/)" = "\${STORE_URL:13:32}" && echo "it knows $STORE_URL and $SIDE_CAR_URL"
`;

test('tests talk to their services by URL, whose password no log shows', async () => {
  const services = {
    store: {
      image: 'hawser-base/busybox',
      env: { SECRET: '{password}' },
      command: ['sh', '-c', serve],
      port: 7000,
      url: 'store://user:{password}@{host}:{port}/db',
    },
    'side-car': {
      image: 'hawser-base/busybox:latest',
      command: ['sh', '-c', 'sleep 1; touch /tmp/ready; sleep 600'],
      port: 1,
      ready: ['test', '-e', '/tmp/ready'],
    },
  };
  const pushed = await pushWith({ test: ['sh', '-c', ask] }, services);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, /side-car \(.*\) is ready after \d+\.\d s/);
  assert.match(pushed.stderr, /it knows store:\/\/user:\[redacted\]@store:7000\/db and tcp:\/\/side-car:1/);
  assert.deepEqual(await listLeftovers(), []);
});

/** Resolves with the deploy once its tests run on the builder. */
function whenTesting(line: string): Promise<string> {
  return eventually(
    async () => {
      using ledger = openLedgerFile(world.hawser.data);
      const [row] = ledger.all("select id from deploys where state = 'testing' and ended_at is null");
      if (row === undefined) return undefined;
      const log = await world.hawser.cli('deploys:output', String(row.id));
      return log.stdout.includes(line) ? String(row.id) : undefined;
    },
    { timeoutMs: stepLimitMs },
  ).then((id) => id ?? assert.fail('it never came to its tests'));
}

const sidecar = {
  side: { image: 'hawser-base/busybox', command: ['httpd', '-f', '-p', '1'], port: 1 },
};

test('a worker that is killed while it tests leaves nothing, and the next one tests again', async () => {
  const pushing = pushWith({ test: 'echo tests begin; sleep 3; echo tests end' }, sidecar);
  await whenTesting('tests begin\n');
  await world.hawser.kill('worker-build');
  const pushed = await pushing;
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stderr, / tests begin .* tests begin .* tests end .*> Publishing/s);
  assert.deepEqual(await listLeftovers(), []);
  assert.equal(await branch(), await repository.git('rev-parse', 'HEAD'));
});

test('a deploy that is cancelled while it is tested ends', { timeout: 240_000 }, async () => {
  const pushing = pushWith({ test: 'trap "" TERM; echo tests begin; while :; do sleep 1; done' }, sidecar);
  const id = await whenTesting('tests begin\n');
  assert.equal((await world.hawser.cli('deploys:cancel', id)).code, 0);
  const pushed = await pushing;
  assert.notEqual(pushed.code, 0);
  assert.match(pushed.stderr, /\(cancelled\)/);
  assert.deepEqual(await listLeftovers(), []);
});

test('what a lost holder of a deploy left goes by itself', async () => {
  const { stdout } = await world.hawser.cli('deploys', '-a', app, '--json');
  const [{ id }] = JSON.parse(stdout);
  using ledger = openLedgerFile(world.hawser.data);
  const [row] = ledger.all('select environment_id as env from deploys where id = ?', id);
  const values = { app, env: 'production', check: row?.env, deploy: id, epoch: 1 };
  const labels = Object.entries(values).flatMap(([key, value]) => ['--label', `hawser.${key}=${value}`]);
  const name = `${app}-left`;
  const image = ['--network', name, 'hawser-base/busybox', 'sleep', '600'];
  // The sweep may come between the two: then what is left is made once more.
  await eventually(async () => {
    await docker(builder, 'network', 'create', ...labels, name);
    await docker(builder, 'run', '-d', '--name', name, ...labels, ...image);
    return true;
  });
  await eventually(async () => (await listLeftovers()).length === 0, { timeoutMs: stepLimitMs });
});

test('a rollback is not tested again', async () => {
  const { code, stdout, stderr } = await world.hawser.cli('rollback', '-a', app);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /Testing/);
});

test('services stay beside an app on a server: the same when asked again, new ones once they are changed', async (t) => {
  const sshd = await openSshd(t, 'app1');
  const signal = AbortSignal.timeout(stepLimitMs);
  await using fleet = openFleet({
    readServers: async () => ({ app1: sshd.server }),
    findPin: () => sshd.fingerprint,
    readIdentity: async () => sshd.identity,
    log: () => {},
  });
  const connection = await fleet.connect('app1', signal);
  const place = { app, env: 'preview-x' };
  const labels = { 'hawser.app': place.app, 'hawser.env': place.env };
  const remove = async () => {
    await removeServices(connection, labels, AbortSignal.timeout(stepLimitMs));
    await removeNetwork(connection, place, AbortSignal.timeout(stepLimitMs));
  };
  const command = ['httpd', '-f', '-p', '7000'];
  const store = { name: 'store', image: 'hawser-base/busybox', env: {}, port: 7000, command, ready: null };
  const start = (url: string) =>
    startServices({
      ...{ connection, labels, signal, log: { step() {}, detail() {}, result() {}, warning() {} } },
      services: [{ ...store, url }],
      owner: `${app}-preview-x`,
      network: `hawser-${app}-preview-x`,
      resources: { memory: 2 ** 26, cpus: 0.5, pids: 50 },
      restart: 'always',
    });
  await ensureNetwork(connection, place, signal);
  try {
    const first = await start('store://{password}@{host}');
    assert.match(first.STORE_URL ?? '', /^store:\/\/\w{32}@store$/);
    const [running] = await listContainers(builder, `label=hawser.app=${app}`);
    assert.deepEqual(await start('store://{password}@{host}'), first);
    assert.deepEqual(await listContainers(builder, `label=hawser.app=${app}`), [running]);
    await start('other://{host}');
    const [replaced, ...others] = await listContainers(builder, `label=hawser.app=${app}`);
    assert.deepEqual([replaced?.name, replaced?.state, others], [running?.name, 'running', []]);
    assert.notEqual(replaced?.id, running?.id);
  } finally {
    await remove();
  }
  assert.deepEqual(await listLeftovers(), []);
});
