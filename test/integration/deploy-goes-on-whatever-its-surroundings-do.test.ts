import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '15s', stopTimeout: '5s' };

let world: DeployWorld;

before(async () => {
  world = await openDeployWorld(2, { environments: { production: { branches: ['main'], rollout } } });
});
after(() => world?.close());

async function pushOrFail(repository: Repository, app: string): Promise<void> {
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
}

test('a pusher who is gone in mid-build changes nothing: it goes live and the branch moves', async (t) => {
  const app = 'left';
  const dockerfile = `FROM hawser-base/busybox
WORKDIR /app
RUN sleep 4; echo ${Date.now()}
COPY version.txt index.html serve.sh ./
CMD ["sh", "serve.sh"]
`;
  const repository = await makeRepository('hello', { files: { Dockerfile: dockerfile } });
  t.after(() => repository[Symbol.asyncDispose]());
  const leave = new AbortController();
  const pushing = repository.push(world.hawser.remote(app), { signal: leave.signal });
  await eventually(() => readState(app) === 'building');
  leave.abort();
  assert.notEqual((await pushing).code, 0);
  assert.equal(readState(app), 'building');
  await eventually(() => readState(app) === 'live');
  assert.deepEqual(await world.listAnswers(`${app}.localhost`), ['200 one']);
  const listed = await repository.git('ls-remote', world.hawser.remote(app), 'refs/heads/main');
  assert.equal(listed.split('\t')[0], await repository.git('rev-parse', 'HEAD'));
});

function readState(app: string): unknown {
  using ledger = openLedgerFile(world.hawser.data);
  return ledger.all(
    `select d.state from deploys d join sources s on s.id = d.source_id join apps a on a.id = s.app_id
      where a.name = ? order by d.id desc limit 1`,
    app,
  )[0]?.state;
}

const streaming = `const { createServer } = require('node:http');
const server = createServer((request, response) => {
  if (request.url === '/') return response.end('stream\\n');
  let line = 0;
  response.write('line 0\\n');
  const timer = setInterval(() => {
    line += 1;
    response.write(\`line \${line}\\n\`);
    if (line < 60) return;
    clearInterval(timer);
    response.end('the end\\n');
  }, 100);
});
server.listen(process.env.PORT);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

test('a response that streams reaches its end through a rollout', async (t) => {
  const repository = await makeRepository('slow', { files: { 'server.js': streaming } });
  t.after(() => repository[Symbol.asyncDispose]());
  await pushOrFail(repository, 'stream');
  const [answer] = (await once(ask('stream.localhost', '/lines'), 'response')) as [IncomingMessage];
  const chunks: string[] = [];
  answer.setEncoding('utf8').on('data', (chunk) => chunks.push(chunk));
  const ended = once(answer, 'end');
  await once(answer, 'data');
  assert.doesNotMatch(chunks.join(''), /the end/, 'the first line does not wait for the last');
  await repository.commit({ 'server.js': streaming.replace("'stream", "'second") });
  await pushOrFail(repository, 'stream');
  assert.deepEqual(await world.listAnswers('stream.localhost'), ['200 second']);
  await ended;
  assert.match(chunks.join(''), /line 59\nline 60\nthe end\n$/);
});

test('a websocket speaks through the load balancer, also while its release is replaced', async (t) => {
  const repository = await makeRepository('websocket');
  t.after(() => repository[Symbol.asyncDispose]());
  await pushOrFail(repository, 'talk');
  const socket = await openWebSocket('talk.localhost');
  t.after(() => socket.destroy());
  assert.equal(await echo(socket, 'ahoy'), 'ahoy');
  await repository.commit({ 'note.txt': 'two' });
  const pushing = repository.push(world.hawser.remote('talk'));
  await eventually(() => readState('talk') === 'rolling_out', { intervalMs: 10 });
  assert.equal(await echo(socket, 'still'), 'still');
  const { code, stderr } = await pushing;
  assert.equal(code, 0, stderr);
  assert.equal(await echo(socket, 'drained'), 'drained');
  const next = await openWebSocket('talk.localhost');
  t.after(() => next.destroy());
  assert.equal(await echo(next, 'again'), 'again');
});

test('a container of ours that is removed by hand comes back; others are not ours to touch', async (t) => {
  const repository = await makeRepository('hello');
  t.after(() => repository[Symbol.asyncDispose]());
  await pushOrFail(repository, 'back');
  const [server] = world.fleet.servers;
  assert.ok(server);
  const image = await docker(server, 'inspect', '--format', '{{.Image}}', 'back-production-v1-web-1');
  const run = [
    'run',
    '-d',
    '--name',
    'back-production-v0-web-1',
    '--label',
    'app=back',
    image,
    'sleep',
    '600',
  ];
  const foreign = await docker(server, ...run);
  await docker(server, 'rm', '-f', 'back-production-v1-web-1');
  await eventually(
    async () => (await world.containersOf('back')).filter(({ state }) => state === 'running').length === 2,
    { intervalMs: 250 },
  );
  await eventually(async () => (await world.listAnswers('back.localhost')).join() === '200 one');
  await repository.commit({ 'version.txt': 'two\n' });
  await pushOrFail(repository, 'back');
  await world.hawser.cli('apps:destroy', 'back', '--confirm', 'back');
  await eventually(async () => (await world.containersOf('back')).length === 0);
  assert.equal(await docker(server, 'inspect', '--format', '{{.State.Running}}', foreign), 'true');
});

function ask(domain: string, path: string, headers: Record<string, string> = {}) {
  const { host, port } = world.hawser.edge;
  return get({ host, port, path, headers: { host: domain, ...headers }, agent: false });
}

async function openWebSocket(domain: string): Promise<Socket> {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const [answer, socket] = (await once(ask(domain, '/', upgrade), 'upgrade')) as [IncomingMessage, Socket];
  assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  return socket;
}

/** Sends one short text frame, masked by zeros, and returns the text that comes back. */
async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]));
  const [data] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer];
  return data.toString('utf8', 2);
}
