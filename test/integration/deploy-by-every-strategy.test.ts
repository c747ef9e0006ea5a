import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `ways${process.pid}`;
const wait = { timeoutMs: 60_000 };
const health = { interval: '100ms', deadline: '20s' };
const usual = { health, drain: '3s', stopTimeout: '3s' };
const strategies = {
  canary: { strategy: 'canary', steps: ['10%', '50%'], bake: '4s', maxErrorRate: '2%', minRequests: 40 },
  held: { strategy: 'canary', steps: ['25%'], bake: 'hold' },
  blue: { strategy: 'blue-green', keep: '15s' },
  single: { strategy: 'recreate' },
};

let world: DeployWorld;
let repository: Repository;

before(async () => {
  const entries = Object.entries(strategies).map(([name, rollout]) => [
    name,
    { branches: [name], rollout: { ...usual, ...rollout } },
  ]);
  world = await openDeployWorld(2, { environments: Object.fromEntries(entries) });
  repository = await makeRepository('hello', {
    files: { ...filesOf('one'), 'serve.sh': null, 'version.txt': null },
  });
  const branches = Object.keys(strategies).map((name) => `main:${name}`);
  for (const refspec of branches) await push(refspec);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

const dockerfile = `FROM hawser-base/node
COPY server.js /
EXPOSE 8080
CMD ["node", "/server.js"]
`;

/** An app that answers its name, some requests late, and fails one of so many of its clients', the first among them. */
function filesOf(name: string, failEvery = 0): Record<string, string> {
  const server = `const { createServer } = require('node:http');
let asked = 0;
const server = createServer((request, response) => {
  const isClient = request.headers['user-agent'] !== 'hawser-probe';
  if (isClient) asked += 1;
  const fails = isClient && ${failEvery} > 0 && asked % ${failEvery} === 1;
  response.statusCode = fails ? 500 : 200;
  setTimeout(() => response.end(fails ? '${name} failed' : '${name}'), asked % 10 === 5 ? 800 : 0);
});
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
  return { Dockerfile: dockerfile, 'server.js': server };
}

const domainOf = (env: string) => `${app}-${env}.localhost`;

async function push(refspec: string): Promise<string> {
  const { code, stderr } = await repository.push(world.hawser.remote(app), { refspec });
  assert.equal(code, 0, stderr);
  return stderr;
}

/** The newest deploy of an environment, as the command line tells of it. */
async function lastDeploy(env: string): Promise<Record<string, unknown> & { id: number; state: string }> {
  const { stdout } = await world.hawser.cli('deploys', '-a', app, '-e', env, '--json');
  return JSON.parse(stdout)[0];
}

/** Names and weights in the routing table of an environment, and whether its requests are held. */
function readTable(env: string) {
  using ledger = openLedgerFile(world.hawser.data);
  const [environment] = ledger.all(`select id, holding from environments where name = '${env}'`);
  const backends = ledger.all(
    `select name, weight from backends where environment_id = '${environment?.id}' order by name`,
  );
  return {
    holding: environment?.holding,
    weights: Object.fromEntries(backends.map(({ name, weight }) => [String(name), Number(weight)])),
  };
}

function namesOf(env: string, version: number): string[] {
  return [1, 2].map((index) => `${app}-${env}-v${version}-web-${index}`);
}

async function runningOf(env: string): Promise<string[]> {
  const found = await world.containersOf(app);
  return found
    .map(({ name }) => name)
    .filter((name) => name.startsWith(`${app}-${env}-`))
    .sort();
}

test('a canary that answers errors is taken back by itself, and nobody else saw one', async () => {
  await repository.commit(filesOf('two', 20));
  const { value, report } = await world.loadWhile(domainOf('canary'), () =>
    repository.push(world.hawser.remote(app), { refspec: 'main:canary' }),
  );
  assert.notEqual(value.code, 0, value.stderr);
  assert.match(
    value.stderr,
    /v2 at 10% is judged bad: \d+\.\d% of \d+ requests failed \(limit 2\.0%\), 0\.0% of \d+ before/,
  );
  assert.match(value.stderr, /v1 goes on serving/);
  const answered = report.byBody.get('two failed') ?? 0;
  assert.ok(answered > 0, 'the canary was asked');
  assert.equal(report.failed.length, answered, JSON.stringify(report.failed.slice(0, 3)));
  const share = ((report.byBody.get('two') ?? 0) + answered) / report.sent;
  assert.ok(share < 0.1, `the canary had ${share} of the requests`);
  const deploy = await lastDeploy('canary');
  assert.equal(deploy.state, 'rolled_back');
  const { code, message } = deploy.failure as { code: string; message: string };
  assert.equal(code, 'release_judged_bad');
  assert.match(message, /v2 at 10% is judged bad/);
  assert.deepEqual(await runningOf('canary'), namesOf('canary', 1));
  assert.deepEqual(
    readTable('canary').weights,
    Object.fromEntries(namesOf('canary', 1).map((name) => [name, 100])),
  );
});

test('a good canary gets its shares one after the other, also over a kill of the worker', async () => {
  await repository.commit(filesOf('three'));
  const { value, report } = await world.loadWhile(domainOf('canary'), async () => {
    const pushed = push('main:canary');
    await eventually(() => Object.values(readTable('canary').weights).some((weight) => weight !== 100), wait);
    await world.hawser.kill('worker-rollout');
    return pushed;
  });
  assert.match(value, /v3 at 10%: good, 0\.0% of \d+ requests failed/);
  assert.match(value, /v3 at 50%: good/);
  assert.deepEqual(report.failed, []);
  assert.deepEqual(await world.listAnswers(domainOf('canary')), ['200 three']);
  assert.deepEqual(readTable('canary').weights, {
    [`${app}-canary-v3-web-1`]: 100,
    [`${app}-canary-v3-web-2`]: 100,
  });
});

test('a held rollout waits without a worker, outlives a restart, goes on or is taken back by a person', async () => {
  await repository.commit(filesOf('two'));
  const held = async () => {
    const begun = repository.push(world.hawser.remote(app), { refspec: 'main:held' });
    await eventually(() => {
      using ledger = openLedgerFile(world.hawser.data);
      return ledger.all(`select id from deploys where hold = 'rollout'`).length > 0;
    }, wait);
    return { begun, id: String((await lastDeploy('held')).id) };
  };
  const first = await held();
  const weights = readTable('held').weights;
  assert.deepEqual(Object.keys(weights).sort(), [...namesOf('held', 1), ...namesOf('held', 2)]);
  await world.hawser.kill('worker-rollout');
  await world.hawser.kill('worker-upkeep').catch(() => undefined);
  await eventually(async () => (await world.hawser.cli('doctor')).code === 0, wait);
  assert.deepEqual(readTable('held').weights, weights);
  const aborted = await world.hawser.cli('deploys:abort', first.id);
  assert.equal(aborted.code, 0, aborted.stderr);
  const { code, stderr } = await first.begun;
  assert.notEqual(code, 0);
  assert.match(stderr, /v2 at 25% is served; it waits: hawser deploys:continue/);
  assert.match(stderr, /cancelled: Aborted by /);
  assert.deepEqual(await world.listAnswers(domainOf('held')), ['200 one']);
  assert.match((await world.hawser.cli('deploys:continue', first.id)).stderr, /has ended: cancelled/);
  const second = await held();
  const going = await world.hawser.cli('deploys:continue', second.id, '--json');
  assert.equal(JSON.parse(going.stdout).state, 'rolling_out');
  assert.equal((await second.begun).code, 0);
  assert.deepEqual(await world.listAnswers(domainOf('held')), ['200 two']);
});

test('blue-green switches all at once and keeps the release before, which a rollback finds', async () => {
  await repository.commit(filesOf('two'));
  const { report } = await world.loadWhile(domainOf('blue'), () => push('main:blue'));
  assert.deepEqual(report.failed, []);
  assert.deepEqual(await world.listAnswers(domainOf('blue')), ['200 two']);
  assert.deepEqual(await runningOf('blue'), [...namesOf('blue', 1), ...namesOf('blue', 2)]);
  const { report: back } = await world.loadWhile(domainOf('blue'), async () => {
    const { code, stdout } = await world.hawser.cli('rollback', '-a', app, '-e', 'blue');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /v1 was kept and serves again, v3 takes its place/);
  });
  assert.deepEqual(back.failed, []);
  assert.deepEqual(await world.listAnswers(domainOf('blue')), ['200 one']);
});

test('recreate never runs two releases at once, and requests wait, also over a kill of the worker', async () => {
  await repository.commit(filesOf('two'));
  const { report } = await loadPatiently('single', async () => {
    const pushed = push('main:single');
    await eventually(() => readTable('single').holding === 1, { ...wait, intervalMs: 10 });
    await world.hawser.kill('worker-rollout');
    await pushed;
  });
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()].sort(), ['one', 'two']);
  assert.equal(readTable('single').holding, 0);
  await assertNeverTwo('single');
});

test('a recreate that fails starts the old release again, and the waiting requests are its own', async () => {
  await repository.commit({ 'server.js': 'process.exit(7);\n' });
  const { value, report } = await loadPatiently('single', () =>
    repository.push(world.hawser.remote(app), { refspec: 'main:single' }),
  );
  assert.notEqual(value.code, 0);
  assert.match(value.stderr, /exited with code 7/);
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()], ['two']);
  assert.equal(readTable('single').holding, 0);
  await assertNeverTwo('single');
});

test('what a blue-green rollout kept is retired when its time is over', async () => {
  await eventually(async () => (await runningOf('blue')).join() === namesOf('blue', 3).join(), wait);
});

/** By clients that wait as long as the load balancer holds them. */
async function loadPatiently<T>(env: string, work: () => Promise<T>) {
  const { host, port } = world.hawser.edge;
  const url = `http://${host}:${port}/`;
  const load = await startLoad({ url, host: domainOf(env), rate: 50, timeoutMs: 30_000 });
  const value = await work().catch(async (error) => {
    await load.stop();
    throw error;
  });
  return { value, report: await load.stop() };
}

/** From what the engines kept: between a start and an end of one release there is no start of another. */
async function assertNeverTwo(env: string): Promise<void> {
  const changes = (await Promise.all(world.fleet.servers.map((server) => listChanges(server, env)))).flat();
  const running = new Map<string, string>();
  for (const { action, name, release } of changes.toSorted((one, other) => one.at - other.at)) {
    if (action === 'die') running.delete(name);
    else running.set(name, release);
    assert.ok(new Set(running.values()).size < 2, JSON.stringify(Object.fromEntries(running)));
  }
}

async function listChanges(server: { dockerHost: string }, env: string) {
  const attribute = (name: string) => `{{index .Actor.Attributes "${name}"}}`;
  const format = `{{.TimeNano}} {{.Action}} ${attribute('name')} ${attribute('hawser.release')}`;
  const filters = ['event=start', 'event=die', `label=hawser.app=${app}`, `label=hawser.env=${env}`];
  const until = String(Math.ceil(Date.now() / 1000));
  const range = ['--since', '1', '--until', until, '--format', format];
  const lines = await docker(server, 'events', ...range, ...filters.flatMap((each) => ['--filter', each]));
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [at = '', action = '', name = '', release = ''] = line.split(' ');
      return { at: Number(at), action, name, release };
    });
}
