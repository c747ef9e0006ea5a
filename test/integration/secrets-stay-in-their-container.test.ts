import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { listForms } from '../../src/secrets/forms.ts';
import { createToken } from '../../src/store/access/tokens.ts';
import { openLedger } from '../../src/store/database.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { mastersOf } from '../support/master-key.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `sealed${process.pid}`;
const builder = { dockerHost: 'unix:///var/run/docker.sock' };
const [one, two] = [`S3CR3T-${randomBytes(9).toString('hex')}`, `${randomBytes(9).toString('hex')}+/end`];
const sentinel = `${one}${two}`;
const forms = listForms(sentinel).map((form) => Buffer.from(form));
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '0s', stopTimeout: '1s' };

/** Whole, in base64 and over two writes. */
const sayAll = (value: string) =>
  `printf '%s\\n' ${value}; printf 'x%s' ${value} | base64; printf %s ${one}; sleep 0.2; printf '%s\\n' ${two}`;
const serve = (rest: string) => ['#!/bin/sh', sayAll('"$TOKEN"'), rest, ''].join('\n');
const files = {
  Dockerfile: [
    'FROM hawser-base/busybox',
    'WORKDIR /app',
    'COPY . .',
    // The build cannot know it: halves that are joined when it runs.
    `RUN V=${one}; V=$V'${two}'; ${sayAll('"$V"')}`,
    'EXPOSE 8080',
    'CMD ["sh", "serve.sh"]',
    '',
  ].join('\n'),
  Procfile: 'web: sh serve.sh\nrelease: sh release.sh\n',
  'release.sh': serve('exit 0'),
  'serve.sh': serve('exec httpd -f -p "$PORT" -h /app'),
  'index.html': 'it serves\n',
};

let world: DeployWorld;
let repository: Repository;
const value = join(tmpdir(), `hawser-sentinel-${process.pid}`);

before(async () => {
  world = await openDeployWorld(1, { environments: { production: { branches: ['main'], rollout } } });
  repository = await makeRepository('hello', { files });
  await writeFile(value, sentinel, { mode: 0o600 });
});
after(async () => {
  await rm(value, { force: true });
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function hasSentinel(bytes: Buffer): boolean {
  return forms.some((form) => bytes.includes(form));
}

function assertClean(what: string, text: string): void {
  assert.ok(!hasSentinel(Buffer.from(text)), `${what}: ${text}`);
}

/** Files with it, also within what is compressed. */
async function searchFolder(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    // What is renamed or removed meanwhile is found under its new name, or gone.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    const inside = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    if (hasSentinel(bytes) || hasSentinel(inside)) found.push(file);
  }
  return found;
}

/** Looks at the command lines of all processes of the machine while something is done. */
async function watchCommandLines<T>(
  work: () => Promise<T>,
): Promise<{ value: T; seen: string[]; looks: number }> {
  const seen: string[] = [];
  let looks = 0;
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const line = await readFile(`/proc/${id}/cmdline`).catch(() => Buffer.alloc(0));
        if (hasSentinel(line)) seen.push(line.toString().replaceAll('\0', ' '));
      }
      looks += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const looking = look();
  try {
    const done = await work();
    return { value: done, seen, looks };
  } finally {
    isOver = true;
    await looking;
  }
}

async function makeToken(...rights: Parameters<typeof createToken>[1]['rights'][number][]): Promise<string> {
  const file = join(world.hawser.data, 'ledger.db');
  await using ledger = await openLedger(file, mastersOf(file));
  const made = await createToken(ledger.db, {
    name: rights.join(),
    appId: null,
    rights,
    days: 1,
    actor: 'test',
  });
  return made.token;
}

async function ask(token: string, path: string): Promise<string> {
  const answer = await fetch(`${world.hawser.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return `${answer.status} ${await answer.text()}`;
}

test('a secret that the build, the release command and the app print is found in the container alone', async () => {
  const { hawser, fleet } = world;
  await hawser.cli('apps:create', app);
  const { value: pushed, ...watched } = await watchCommandLines(async () => {
    const set = await hawser.cli('config:set', '-a', app, `TOKEN=@${value}`);
    assert.equal(set.code, 0, set.stderr);
    assertClean('config:set', set.stdout + set.stderr);
    return repository.push(hawser.remote(app));
  });
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.ok(watched.looks > 5);
  assert.deepEqual(watched.seen, []);
  assertClean('push', pushed.stdout + pushed.stderr);
  assert.ok(
    pushed.stderr.split('[redacted]').length > 6,
    `what was printed is there, hidden: ${pushed.stderr}`,
  );
  const [container] = await world.containersOf(app);
  const [server] = fleet.servers;
  assert.ok(container && server);
  const env = await docker(server, 'container', 'inspect', '--format', '{{json .Config.Env}}', container.id);
  assert.ok(env.includes(sentinel), 'the app has it');
  const image = await docker(server, 'container', 'inspect', '--format', '{{.Image}}', container.id);
  for (const engine of [server, builder]) {
    assertClean('history', await docker(engine, 'history', '--no-trunc', image));
    assertClean('image', await docker(engine, 'image', 'inspect', image));
  }
  assert.deepEqual(await searchFolder(hawser.folder), []);
  for (const name of (await readdir(join(hawser.data, 'run'))).filter((file) => file.endsWith('.pid'))) {
    const id = Number.parseInt(await readFile(join(hawser.data, 'run', name), 'utf8'), 10);
    assert.ok(!hasSentinel(await readFile(`/proc/${id}/environ`)), name);
  }
});

test('the API tells it to who may read the configuration, and to nobody else', async () => {
  const viewer = await makeToken('read', 'logs');
  const paths = [
    '/apps',
    `/apps/${app}`,
    `/apps/${app}/config`,
    `/apps/${app}/ps`,
    `/apps/${app}/releases`,
    `/apps/${app}/releases/1`,
    `/apps/${app}/logs?tail=100`,
    `/deploys?app=${app}`,
    '/deploys/1',
    '/deploys/1/log',
    '/events',
  ];
  for (const path of paths) {
    const answer = await ask(viewer, path);
    assert.match(answer, /^200 /, path);
    assertClean(path, answer);
  }
  assert.match(await ask(viewer, `/apps/${app}/logs?tail=100`), /\[redacted\]/);
  const reader = await makeToken('read', 'logs', 'config:read');
  for (const path of [`/apps/${app}/config`, `/apps/${app}/logs?tail=100`])
    assert.ok(hasSentinel(Buffer.from(await ask(reader, path))), path);
});

test('all processes go on with rotated keys; why a deploy failed is told without the secret', async () => {
  const { hawser } = world;
  const file = join(hawser.data, 'keys', 'master.key');
  const before = await readFile(file, 'utf8');
  for (const command of ['secrets:rotate', 'secrets:retire']) {
    const done = await hawser.cli(command, '--json');
    assert.equal(done.code, 0, done.stderr);
  }
  const state = JSON.parse((await hawser.cli('secrets', '--json')).stdout);
  assert.deepEqual([state.file, state.masters.length, state.dataKey, state.older], [file, 1, 2, 0]);
  assert.notEqual(await readFile(file, 'utf8'), before);
  await repository.commit({ 'serve.sh': serve('exit 3') });
  const pushed = await repository.push(hawser.remote(app));
  assert.equal(pushed.code, 1, pushed.stderr);
  assert.match(pushed.stderr, /\[redacted\]/);
  assertClean('push', pushed.stdout + pushed.stderr);
  const answer = await eventually(() => hawser.fetch(`${app}.localhost`));
  assert.match(answer.body, /it serves/);
  assert.deepEqual(await searchFolder(hawser.folder), []);
});
