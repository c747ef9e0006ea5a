import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { makeRepository, type Repository, readApp } from '../support/repository.ts';

const app = `fails${process.pid}`;
const domain = `${app}.localhost`;
const rollout = { health: { interval: '100ms', deadline: '4s' }, drain: '2s', stopTimeout: '2s' };

let world: DeployWorld;
let repository: Repository;
let good = '';

before(async () => {
  world = await openDeployWorld(2, {
    environments: { production: { branches: ['main'], rollout } },
    builders: { bases: {}, memory: '128m' },
    limits: { diskFloor: '100m', container: { memory: '128m' } },
  });
  repository = await makeRepository('hello');
  good = await repository.git('rev-parse', 'HEAD');
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

type Case = {
  /** The app of the fixtures, and files on top of it. */
  readonly base: string;
  readonly files?: Readonly<Record<string, string>>;
  /** What the push says, its code among it. */
  readonly says: readonly RegExp[];
};

const exits = `FROM hawser-base/busybox
CMD ["sh", "-c", "echo no config found >&2; exit 7"]
`;
const breaking = "console.log('the worker cannot reach its queue');\nprocess.exit(4);\n";

const cases: Readonly<Record<string, Case>> = {
  'a Dockerfile that fails': {
    base: 'build-fails',
    says: [/this line is seen/, /the moon is wrong/, /step 2 .*\(Dockerfile:2\) ended with exit code 3/],
  },
  'a build that needs too much memory': {
    base: 'build-oom',
    says: [/step 2 .* needed more than 128m of memory .*/, /\(build_oom\)/],
  },
  'an app that never listens': {
    base: 'never-listens',
    says: [/The last lines of web\.\d on app\d/, /web\.\d on app\d refused connections for 4 s/],
  },
  'an app that answers 500': {
    base: 'answers-500',
    says: [/web\.\d on app\d answered 500 on \/: broken on purpose for 4 s/, /\(not_healthy\)/],
  },
  'an app that needs too much memory': {
    base: 'start-oom',
    says: [/web\.\d on app\d ran out of memory/, /\(not_healthy\)/],
  },
  'an app that exits at once': {
    base: 'build-fails',
    files: { Dockerfile: exits },
    says: [/no config found/, /web\.\d on app\d exited with code 7/],
  },
  'a worker that crashes': {
    base: 'worker-and-web',
    files: { 'worker.js': breaking },
    says: [/the worker cannot reach its queue/, /worker\.1 on app1 exited with code 4/],
  },
  'a release command that fails': {
    base: 'worker-and-web',
    files: { Procfile: 'web: node web.js\nrelease: echo the table is locked; exit 9\n' },
    says: [/Release command: echo/, /the table is locked/, /The release command ended with exit code 9/],
  },
};

for (const [name, { base, files, says }] of Object.entries(cases)) {
  test(`${name}: the push says why, and nothing else has changed`, async () => {
    await repository.git('reset', '--hard', '-q', good);
    await repository.commit({ ...(await readApp(base)), ...files });
    const { value, report } = await world.loadWhile(domain, () => repository.push(world.hawser.remote(app)));
    assert.notEqual(value.code, 0, value.stderr);
    assert.match(value.stderr, /! \[remote rejected\] main -> main \(.+\)/);
    for (const line of says) assert.match(value.stderr, line);
    assert.deepEqual(report.failed, []);
    assert.deepEqual([...report.byBody.keys()], ['one']);
    await assertUntouched();
  });
}

/** Nothing but the good release is on a server, in the routing table or in the branch. */
async function assertUntouched(): Promise<void> {
  const listed = await repository.git('ls-remote', world.hawser.remote(app), 'refs/heads/main');
  assert.equal(listed.split('\t')[0], good);
  const names = [`${app}-production-v1-web-1`, `${app}-production-v1-web-2`];
  assert.deepEqual((await world.containersOf(app)).map((found) => found.name).sort(), names);
  using ledger = openLedgerFile(world.hawser.data);
  assert.deepEqual(
    ledger.all('select name from backends order by name').map((row) => row.name),
    names,
  );
}

test('a release command that succeeds runs once in all, before anything of the release is started', async () => {
  await repository.git('reset', '--hard', '-q', good);
  await repository.commit(await readApp('worker-and-web'));
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /> Release command: node release\.js.*release command ran.*> Rolling out/s);
  assert.deepEqual(await world.listAnswers(domain), ['200 web one']);
  const version = /Released v(\d+)/.exec(stderr)?.[1] ?? '';
  const starts = (await Promise.all(world.fleet.servers.map((server) => listStarts(server, version)))).flat();
  const [first, ...others] = starts.toSorted((one, other) => one.at - other.at);
  assert.equal(first?.process, 'release');
  assert.deepEqual(others.map((start) => start.process).sort(), ['web', 'web', 'worker']);
});

/** When which process of a release was started, as the engine itself kept it. */
async function listStarts(server: { dockerHost: string }, version: string) {
  const until = String(Math.ceil(Date.now() / 1000));
  const format = '{{.TimeNano}} {{index .Actor.Attributes "hawser.process"}}';
  const labels = [`label=hawser.app=${app}`, `label=hawser.release=${version}`];
  const filters = ['event=start', ...labels].flatMap((filter) => ['--filter', filter]);
  const lines = await docker(
    server,
    'events',
    '--since',
    '1',
    '--until',
    until,
    ...filters,
    '--format',
    format,
  );
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [at, process] = line.split(' ');
      return { at: Number(at), process };
    });
}
