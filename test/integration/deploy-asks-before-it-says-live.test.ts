import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `asks${process.pid}`;
const domain = `${app}.localhost`;
const wait = { timeoutMs: 60_000 };
const release = `${app}-production-v2-release-1`;
const health = { interval: '100ms', deadline: '20s' };
const rollout = { health, drain: '2s', stopTimeout: '2s', releaseTimeout: '40s' };

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(1, { environments: { production: { branches: ['main'], rollout } } });
  repository = await makeRepository('hello', {
    files: { ...filesOf(''), 'serve.sh': null, 'version.txt': null },
  });
  const { code, stderr } = await push();
  assert.equal(code, 0, stderr);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

/** An app that fails under the domain when `badHost` is it. */
function filesOf(badHost: string): Record<string, string> {
  const server = `const { createServer } = require('node:http');
const server = createServer((request, response) => {
  const fails = request.headers.host === '${badHost}';
  response.statusCode = fails ? 500 : 200;
  response.end(fails ? 'unknown host' : process.env.HAWSER_RELEASE);
});
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
  const Dockerfile = 'FROM hawser-base/node\nCOPY server.js /\nEXPOSE 8080\nCMD ["node", "/server.js"]\n';
  return { Dockerfile, 'server.js': server };
}

function push() {
  return repository.push(world.hawser.remote(app));
}

async function lastFailure() {
  const { stdout } = await world.hawser.cli('deploys', '-a', app, '--json');
  const [{ id, state, failure }] = JSON.parse(stdout);
  return { id: String(id), state, code: failure?.code };
}

/** Whether the container of a release command runs. */
async function isRunning(name: string): Promise<boolean> {
  const [server] = world.fleet.servers;
  const found = server ? await world.containersOn(server, app) : [];
  return found.some((container) => container.name === name && container.state === 'running');
}

test('a release command that nobody saw the end of is never repeated by itself', async () => {
  const command = 'case $HAWSER_RELEASE in v2) sleep 600;; *) echo the tables are moved;; esac';
  await repository.commit({ Procfile: `web: node /server.js\nrelease: ${command}\n` });
  const pushed = push();
  await eventually(() => isRunning(release), wait);
  await world.hawser.kill('worker-rollout');
  const [server] = world.fleet.servers;
  assert.ok(server);
  await docker(server, 'rm', '-f', release);
  const { code, stderr } = await pushed;
  assert.notEqual(code, 0);
  assert.match(stderr, /was begun on app1 and nobody can tell how it ended/);
  const deploy = await lastFailure();
  assert.deepEqual(deploy, { id: deploy.id, state: 'failed', code: 'release_command_unknown' });
  assert.match(stderr, new RegExp(`hawser deploys:retry ${deploy.id} --repeat-release-command`));
  assert.deepEqual(await world.listAnswers(domain), ['200 v1']);
  const refused = await world.hawser.cli('deploys:retry', deploy.id);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /begun and nobody can tell/);
  using ledger = openLedgerFile(world.hawser.data);
  const steps = ledger.all(`select epoch from steps where name = 'release-command'`);
  assert.equal(steps.length, 1, 'it ran once');
  const retried = await world.hawser.cli('deploys:retry', deploy.id, '--repeat-release-command');
  assert.equal(retried.code, 0, retried.stderr);
  assert.match(retried.stdout, /the tables are moved/);
  assert.deepEqual(await world.listAnswers(domain), ['200 v3']);
});

test('a release that fails under its own domain is taken back before it counts as live', async () => {
  await repository.commit({ ...filesOf(domain), Procfile: null });
  const { code, stderr } = await push();
  assert.notEqual(code, 0);
  assert.match(stderr, /answers 500 through the load balancer: unknown host \(smoke_failed\)/);
  const { state, code: failure } = await lastFailure();
  assert.deepEqual([state, failure], ['rolled_back', 'smoke_failed']);
  assert.deepEqual(await world.listAnswers(domain), ['200 v3']);
});

test('in maintenance nothing is asked through the load balancer, which answers by itself', async () => {
  assert.equal((await world.hawser.cli('maintenance:on', '-a', app)).code, 0);
  await repository.commit({ ...filesOf(''), 'note.txt': 'mended' });
  const { code, stderr } = await push();
  assert.equal(code, 0, stderr);
  assert.equal((await world.hawser.cli('maintenance:off', '-a', app)).code, 0);
  await eventually(async () => (await world.listAnswers(domain)).join() === '200 v5', wait);
});

test('a release command has its time', async () => {
  await world.hawser.stop();
  await setReleaseTimeout('2s');
  await world.hawser.start();
  await repository.commit({ Procfile: 'web: node /server.js\nrelease: sleep 600\n' });
  const { stderr } = await push();
  assert.match(stderr, /did not end in its time and was stopped.*\(release_command_timeout\)/s);
  assert.deepEqual(await world.listAnswers(domain), ['200 v5']);
});

async function setReleaseTimeout(releaseTimeout: string): Promise<void> {
  const file = `${world.hawser.folder}/deploy.config.json`;
  const config = JSON.parse(await readFile(file, 'utf8'));
  config.environments.production.rollout.releaseTimeout = releaseTimeout;
  await writeFile(file, JSON.stringify(config));
}
