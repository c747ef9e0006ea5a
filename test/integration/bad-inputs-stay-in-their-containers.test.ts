import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { canary, hostileWords } from '../bad-inputs/hostile-words.ts';
import { assertNoCanary } from '../bad-inputs/traces.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { runProgram } from '../support/program.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `bad${process.pid}`;
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '0s', stopTimeout: '1s' };
const touch = (what: string) => `touch ${canary}-${what}`;

const files = {
  Dockerfile: `FROM hawser-base/busybox
RUN ${touch('build')}; test -e ${canary}-build
WORKDIR /app
COPY . .
VOLUME /data
HEALTHCHECK CMD ${touch('health')}
EXPOSE 8080
`,
  Procfile: `web: ${touch('web')}; exec sh serve.sh; rm -rf /nothing\nrelease: ${touch('release')}\n`,
};

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(1, { environments: { production: { branches: ['main'], rollout } } });
  repository = await makeRepository('hello', { files });
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
  assertNoCanary();
});

async function findContainer() {
  const [container] = (await world.containersOf(app)).filter(({ state }) => state === 'running');
  assert.ok(container !== undefined, 'nothing runs');
  const [server] = world.fleet.servers;
  assert.ok(server !== undefined);
  return { server, id: container.id };
}

test('what an app runs, it runs in its container', async () => {
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
  const { server, id } = await findContainer();
  const found = await docker(server, 'exec', id, 'ls', '/tmp');
  // The release command had a container of its own, and the image's health check is never run.
  assert.deepEqual(found.split('\n').sort(), ['hawser-canary-build', 'hawser-canary-web']);
  assertNoCanary();
});

test('every value arrives as it was set, and none of it is run', async () => {
  const values = [...hostileWords, '', '$OTHER', ' a ', '"', "'", '\\', 'a\nb\r\n', '🦆', '%s%n', '{"a":1}'];
  const vars = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
  const body = JSON.stringify({ vars });
  const made = await world.hawser.cli('tokens:create', '--right', 'admin', '--json');
  const { token } = JSON.parse(made.stdout);
  const answer = await fetch(`${world.hawser.url}/api/v1/apps/${app}/config`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  });
  assert.equal(answer.status, 202, await answer.clone().text());
  const { deploy } = (await answer.json()) as { deploy: { id: number } };
  await world.hawser.cli('deploys:attach', String(deploy.id));
  const { server, id } = await findContainer();
  const environment = await docker(server, 'exec', id, 'cat', '/proc/1/environ');
  const inside = await docker(server, 'inspect', '--format', '{{json .Config.Env}}', id);
  const seen = new Map((JSON.parse(inside) as string[]).map((entry) => [entry.split('=', 1)[0], entry]));
  for (const [name, value] of Object.entries(vars)) assert.equal(seen.get(name), `${name}=${value}`);
  assert.ok(environment.includes(`V0=${values[0]}\0`));
  assertNoCanary();
});

test('a manifest that is wrong costs no build, and the release that serves goes on', async () => {
  await repository.commit({ 'app.json': '{"hawser":{"privileged":true}}' });
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.notEqual(code, 0);
  assert.match(stderr, /not_allowed_in_manifest/);
  assert.doesNotMatch(stderr, /step 1/i);
  await findContainer();
  await repository.commit({ 'app.json': null });
});

/** Ports that processes of this installation listen on, by the paths that their command lines have. */
async function listPorts(): Promise<string[]> {
  const own = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && readCommand(pid).includes(world.hawser.folder),
  );
  const sockets = `${await runProgram('ss', ['-Hltnp'])}${await runProgram('ss', ['-Hlunp'])}`;
  return sockets
    .split('\n')
    .filter((line) => own.some((pid) => line.includes(`pid=${pid},`)))
    .map((line) => /(\S+:\d+)\s+\S+:\*/.exec(line)?.[1] ?? line)
    .sort();
}

function readCommand(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8');
  } catch {
    // It has ended since it was listed.
    return '';
  }
}

test('only the documented ports are listened on', async () => {
  const { listen, loadBalancer } = JSON.parse(
    readFileSync(join(world.hawser.folder, 'deploy.config.json'), 'utf8'),
  );
  const registry = readFileSync(join(world.hawser.data, 'run', 'registry.port'), 'utf8').trim();
  const documented = [listen.http, listen.ssh, loadBalancer.listen, `127.0.0.1:${registry}`].sort();
  assert.deepEqual([...new Set(await listPorts())], documented);
  const [server] = world.fleet.servers;
  assert.ok(server !== undefined);
  const there = (await server.run('ss', ['-Hltn'])).split('\n').filter(Boolean);
  const published = there.map((line) => line.split(/\s+/)[3] ?? '').filter((place) => !place.endsWith(':22'));
  for (const place of published) {
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(place) ?? [];
    const isApp: boolean = host === server.address && Number(port) >= 20_000 && Number(port) <= 31_999;
    assert.ok(isApp || host.startsWith('127.') || host === '[::1]', `${place} is open`);
  }
});

test('a volume of the image goes with its container', async () => {
  const { server } = await findContainer();
  assert.notEqual(await docker(server, 'volume', 'ls', '-q'), '');
  await world.hawser.cli('apps:destroy', app, '--confirm', app);
  assert.equal(await docker(server, 'volume', 'ls', '-q'), '');
  assert.deepEqual(await world.containersOf(app), []);
});
