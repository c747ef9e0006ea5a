import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../src/failure.ts';
import type { Docker } from '../../src/fleet/docker.ts';
import type { Server } from '../../src/model/server.ts';
import { prepareEmbeddedRegistry, type RegistryProgram } from '../../src/publish/embedded.ts';
import { publishImage, pullImage } from '../../src/publish/perform.ts';
import { isReady, planRegistry, type Registry } from '../../src/publish/registry.ts';
import { keepLog, openBase } from '../support/build-source.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-registry-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function run(t: TestContext, program: RegistryProgram): ChildProcess {
  const child = spawn(program.file, program.argv, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function startRegistry(t: TestContext) {
  const port = await freePort();
  const program = await prepareEmbeddedRegistry({ folder: await makeFolder(t), port });
  const child = run(t, program);
  await eventually(() => isReady(`127.0.0.1:${port}`));
  return { port, program, child };
}

const server: Server = { name: 'here', kind: 'local', address: '127.0.0.1', roles: [] };

function connectionOf(docker: Docker, port: number) {
  return {
    server,
    docker,
    closed: never,
    registryAddress: async () => `127.0.0.1:${port}`,
    diskSpace: async () => null,
  };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failure, String((error as Error).stack));
  return error;
}

async function tagsOf(docker: Docker, imageId: string): Promise<readonly string[]> {
  return (await docker.getImage(imageId).inspect()).RepoTags;
}

test('an image is pushed once, kept locally by its digest, and pulled by it where it is missing', async (t) => {
  const { docker, base } = await openBase(t, 'publish');
  const { port, program } = await startRegistry(t);
  assert.equal((await stat(program.configFile)).mode & 0o777, 0o600);
  const again = await prepareEmbeddedRegistry({ folder: join(program.configFile, '..'), port });
  assert.equal(again.configText, program.configText, 'the secret changed');
  const registry = planRegistry('embedded', port);
  const imageId = (await docker.getImage(base).inspect()).Id;
  const log = keepLog();
  const request = { docker, imageId, repository: `hawser/t${process.pid}`, registry, log, signal: never };
  const published = await publishImage(request);
  assert.match(published.digest, /^sha256:[0-9a-f]{64}$/);
  assert.ok(published.newBytes > 1_000_000 && published.presentBytes < 100_000, JSON.stringify(published));
  assert.match(log.lines.join(), /Publishing sha256:[0-9a-f]{4}… \(2 MB new, 0 bytes already there\)/);
  const tag = `hawser/t${process.pid}:${published.digest.slice(7)}`;
  assert.deepEqual((await tagsOf(docker, imageId)).toSorted(), [base, tag].toSorted());

  const repeated = await publishImage(request);
  assert.equal(repeated.digest, published.digest);
  assert.equal(repeated.newBytes, 0);

  const image = { repository: request.repository, digest: published.digest };
  const nobody = connectionOf(docker, 1);
  assert.equal(await pullImage({ connection: nobody, image, registry, diskFloor: 0, signal: never }), tag);
  await docker.getImage(tag).remove({ noprune: true });
  const server = connectionOf(docker, port);
  assert.equal(await pullImage({ connection: server, image, registry, diskFloor: 0, signal: never }), tag);
  const inspect = await docker.getImage(tag).inspect();
  assert.equal(inspect.Id, imageId);
  assert.deepEqual(
    (await tagsOf(docker, imageId)).filter((name) => name.includes('127.0.0.1')),
    [],
  );
  const gone = { ...image, digest: `sha256:${'0'.repeat(64)}` };
  const failure = await failureOf(
    pullImage({ connection: server, image: gone, registry, diskFloor: 0, signal: never }),
  );
  assert.equal(failure.code, 'image_not_in_registry');
});

test('a registry that comes back gets the image; one that stays away is said to be unreachable', async (t) => {
  const { docker, base } = await openBase(t, 'publish-away');
  const port = await freePort();
  const program = await prepareEmbeddedRegistry({ folder: await makeFolder(t), port });
  const registry = planRegistry('embedded', port);
  const imageId = (await docker.getImage(base).inspect()).Id;
  const log = keepLog();
  const request = { docker, imageId, repository: `hawser/u${process.pid}`, registry, log, signal: never };
  const failure = await failureOf(publishImage({ ...request, comeBackMs: 600 }));
  assert.equal(failure.code, 'registry_unreachable');
  const publishing = publishImage({ ...request, comeBackMs: 20_000 });
  publishing.catch(() => undefined); // It is awaited below.
  await eventually(() => log.lines.filter((line) => line.includes('does not answer')).length === 2);
  run(t, program);
  const { digest } = await publishing;
  assert.match(digest, /^sha256:/);
  assert.deepEqual(
    (await tagsOf(docker, imageId)).toSorted(),
    [base, `hawser/u${process.pid}:${digest.slice(7)}`].toSorted(),
  );
});

test('a wait for the registry ends with the signal', async (t) => {
  const { docker, base } = await openBase(t, 'publish-stop');
  const registry = planRegistry('embedded', await freePort());
  const imageId = (await docker.getImage(base).inspect()).Id;
  const stop = new AbortController();
  const request = { docker, imageId, repository: `hawser/w${process.pid}`, registry, log: keepLog() };
  const publishing = publishImage({ ...request, signal: stop.signal });
  publishing.catch(() => undefined); // It is awaited below.
  await pause(300);
  const reason = new Error('cancelled');
  stop.abort(reason);
  await assert.rejects(publishing, reason);
  assert.deepEqual(await tagsOf(docker, imageId), [base]);
});

test('a registry that wants another login is said to deny', async (t) => {
  const { docker, base } = await openBase(t, 'publish-deny');
  const asked: string[] = [];
  const server = createHttpServer((request, answer) => {
    if (request.headers.authorization) asked.push(request.headers.authorization);
    answer.writeHead(401, {
      'WWW-Authenticate': 'Basic realm="registry"',
      'Content-Type': 'application/json',
    });
    answer.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const registry: Registry = {
    ...planRegistry('embedded', port),
    auth: { username: 'u', password: 'secret-of-registry', serveraddress: `127.0.0.1:${port}` },
  };
  const imageId = (await docker.getImage(base).inspect()).Id;
  const request = {
    docker,
    imageId,
    repository: `hawser/d${process.pid}`,
    registry,
    log: keepLog(),
    signal: never,
  };
  const failure = await failureOf(publishImage({ ...request, comeBackMs: 100 }));
  assert.ok(!failure.message.includes('secret-of-registry'));
  assert.equal(failure.code, 'registry_denied', failure.message);
  assert.ok(asked.includes(`Basic ${btoa('u:secret-of-registry')}`));
});
