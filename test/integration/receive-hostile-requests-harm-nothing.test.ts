import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { flushPacket, serializePacket } from '../../src/receive/packet.ts';
import { eventually } from '../support/eventually.ts';
import { askRaw } from '../support/raw-http.ts';
import {
  commitFile,
  killClient,
  makeSource,
  mustRun,
  openWorld,
  runClient,
  startClient,
  token,
} from '../support/receive-world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let source: string;
const crashes: unknown[] = [];

before(async () => {
  process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
  world = await openWorld({ limits: { push: 2 ** 20 }, timings: { rateWindowMs: 3_000, rateBytes: 3_000 } });
  source = await makeSource(world.folder, 'source', world.url());
  await mustRun(source, 'push', '-q', 'deploy', 'main');
});

after(async () => {
  await world[Symbol.asyncDispose]();
  assert.deepEqual(crashes, []);
});

const basic = (password: string) => `Basic ${Buffer.from(`deploy:${password}`).toString('base64')}`;
const pushType = { 'content-type': 'application/x-git-receive-pack-request', authorization: basic(token) };
const pushPath = '/shop.git/git-receive-pack';
const pushRefs = '/shop.git/info/refs?service=git-receive-pack';

type Answer = { status: number; headers: Record<string, unknown>; body: string };

function open(method: string, path: string, headers: Record<string, string> = {}): ClientRequest {
  return request({ host: '127.0.0.1', port: world.port, method, path, headers, agent: false });
}

function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = open(method, path, headers);
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    asked.end(body);
  });
}

/** The command that would create a branch, were it let in. */
function command(ref = 'refs/heads/evil', more = ''): Buffer {
  const head = `${'0'.repeat(40)} ${'1'.repeat(40)} ${ref}\0report-status side-band-64k${more}`;
  return Buffer.concat([serializePacket(head), flushPacket]);
}

async function refNames(): Promise<string[]> {
  return (await world.git.listRefs('id-shop', 'refs/')).map(({ ref }) => ref);
}

test('a request without a token is answered 401 before anything is touched', async () => {
  const before = world.entered.length;
  for (const [method, path] of [
    ['POST', pushPath],
    ['POST', '/shop.git/git-upload-pack'],
    ['GET', pushRefs],
  ] as const) {
    const service = path.includes('upload') ? 'upload' : 'receive';
    const type = { 'content-type': `application/x-git-${service}-pack-request` };
    const answer = await ask(method, path, type, method === 'POST' ? command() : undefined);
    assert.equal(answer.status, 401, path);
    assert.equal(answer.headers['www-authenticate'], 'Basic realm="hawser"');
    assert.match(answer.body, /error\[token_missing\]/);
  }
  assert.equal(world.entered.length, before);
  assert.deepEqual(await refNames(), ['refs/hawser/deploys/1', 'refs/heads/main']);
});

test('credentials that cannot be read are answered, not fatal', async () => {
  for (const authorization of [
    'Basic',
    'Basic ',
    'Basic !!!',
    'Bearer',
    'Digest x',
    basic('wrong'),
    `Basic ${'A'.repeat(9000)}`,
  ]) {
    assert.equal((await ask('GET', pushRefs, { authorization })).status, 401, authorization.slice(0, 20));
  }
  const bearer = await ask('GET', pushRefs, { authorization: `Bearer ${token}` });
  assert.equal(bearer.status, 200);
});

test('an address that is no repository makes no file', async () => {
  const before = await readdir(join(world.folder, 'repositories'));
  const addresses = [
    '/git/../../etc/passwd.git',
    '//tmp/hawser-abs/x.git',
    '/%2e%2e%2fx.git',
    '/%252e.git',
    '/..%5cx.git',
    '/shop.git/../other.git',
    '/a%00b.git',
    '/a;touch%20/tmp/x.git',
    '/$(id).git',
    '/-x.git',
    '/--help.git',
    '/app.github',
    '/pub.git/secret',
    '/.git',
    '/..',
    '/A.git',
  ]; // prettier-ignore
  for (const address of addresses) {
    for (const end of ['/info/refs?service=git-receive-pack', '/HEAD', '/config', '/objects/info/packs']) {
      const { status } = await ask('GET', `${address}${end}`, { authorization: basic(token) });
      assert.ok(status === 400 || status === 404, `${address}${end}: ${status}`);
    }
  }
  assert.deepEqual(await readdir(join(world.folder, 'repositories')), before);
});

test('the dumb protocol, other services, methods, types and encodings are refused', async () => {
  const authorization = basic(token);
  assert.equal((await ask('GET', '/shop.git/HEAD', { authorization })).status, 404);
  assert.equal((await ask('GET', '/shop.git/config', { authorization })).status, 404);
  assert.equal((await ask('GET', '/shop.git/info/refs', { authorization })).status, 403);
  assert.equal(
    (await ask('GET', '/shop.git/info/refs?service=git-evil-pack', { authorization })).status,
    403,
  );
  assert.equal((await ask('GET', pushPath, { authorization })).status, 405);
  assert.equal((await ask('PUT', pushPath, pushType, command())).status, 405);
  assert.equal(
    (await ask('POST', pushPath, { authorization, 'content-type': 'text/plain' }, command())).status,
    415,
  );
  assert.equal(
    (await ask('POST', pushPath, { ...pushType, 'content-encoding': 'deflate' }, command())).status,
    415,
  );
});

test('gzip that is broken or cut is answered 400', async () => {
  const gzip = { ...pushType, 'content-encoding': 'gzip' };
  assert.equal((await ask('POST', pushPath, gzip, Buffer.from('not gzip at all'))).status, 400);
  const cut = gzipSync(command()).subarray(0, 30);
  assert.equal((await ask('POST', pushPath, gzip, cut)).status, 400);
});

test('gzip that inflates past the limit is stopped', async () => {
  const bomb = gzipSync(Buffer.concat([command(), Buffer.alloc(64 * 2 ** 20)]));
  const answer = await ask('POST', pushPath, { ...pushType, 'content-encoding': 'gzip' }, bomb);
  assert.match(`${answer.status} ${answer.body}`, /push_too_large|unpack/);
  assert.deepEqual(await refNames(), ['refs/hawser/deploys/1', 'refs/heads/main']);
});

test('garbage, an empty body, the probe and endless flushes are answered', async () => {
  for (const body of ['', 'garbage garbage garbage', '0003', 'ffff', '00000000'.repeat(10_000)]) {
    const { status } = await ask('POST', pushPath, pushType, Buffer.from(body));
    assert.ok(status === 200 || status === 400, `${body.slice(0, 20)}: ${status}`);
  }
  const probe = await ask('POST', pushPath, pushType, flushPacket);
  assert.equal(probe.status, 200);
  const fetchType = { ...pushType, 'content-type': 'application/x-git-upload-pack-request' };
  assert.equal((await ask('POST', '/shop.git/git-upload-pack', fetchType, flushPacket)).status, 200);
});

test('a command that comes in pieces is understood; other namespaces are refused', async () => {
  const bytes = command('refs/heads/gone', ' push-options').subarray(0, -4);
  const answer = await new Promise<string>((resolve, reject) => {
    const asked = open('POST', pushPath, pushType);
    asked.on('error', reject);
    asked.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(body));
    });
    asked.write(bytes.subarray(0, 20), () =>
      asked.write(bytes.subarray(20, 70), () => asked.end(Buffer.concat([bytes.subarray(70), flushPacket]))),
    );
  });
  assert.match(answer, /unpack|error/);
  for (const ref of ['refs/for/main', 'refs/notes/x', 'refs/replace/x', 'refs/hawser/deploys/9']) {
    const { code, output } = await runClient(source, ['push', 'deploy', `main:${ref}`]);
    assert.equal(code, 1, output);
    assert.match(output, /ref_not_allowed|hidden ref/, ref);
  }
  assert.deepEqual(await refNames(), ['refs/hawser/deploys/1', 'refs/heads/main']);
});

test('a transfer encoding that does not exist and headers without end do not reach git', async () => {
  const head = `POST ${pushPath} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(token)}\r\n`;
  assert.match(
    await askRaw(world.port, `${head}Transfer-Encoding: xchunked\r\n\r\n`),
    /^HTTP\/1\.1 (?:400|501)|^$/,
  );
  assert.match(
    await askRaw(world.port, `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    /^HTTP\/1\.1 400/,
  );
  assert.match(await askRaw(world.port, `${head}X: ${'x'.repeat(100_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  assert.match(
    await askRaw(world.port, 'GET http://x/shop.git/HEAD HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 40[04]/,
  );
});

test('a protocol header does not reach the environment unless it is a version', async () => {
  for (const version of ['version=2:$(id)', 'version=999', 'x'.repeat(9_000)]) {
    const answer = await ask('GET', pushRefs, { authorization: basic(token), 'git-protocol': version });
    assert.equal(answer.status, 200);
    assert.match(answer.body, /^001f# service=git-receive-pack\n0000/);
  }
});

test('a body that trickles is cut', async () => {
  const asked = open('POST', pushPath, { ...pushType, 'content-length': '100000' });
  const ended = new Promise<string>((resolve) => {
    asked.on('error', (error) => resolve(error.message));
    asked.on('response', (response) =>
      response.resume().on('close', () => resolve(`answered ${response.statusCode}`)),
    );
  });
  asked.write(command());
  // Slower than git needs to see that the first twelve bytes are no pack.
  const drip = setInterval(() => asked.destroyed || asked.write('x'), 600);
  try {
    assert.match(await ended, /answered 400|hang up|RESET|EPIPE/i);
  } finally {
    clearInterval(drip);
  }
});

test('a client that leaves in the middle leaves nothing behind', async () => {
  const asked = open('POST', pushPath, { ...pushType, 'content-length': '900000' });
  asked.on('error', () => undefined);
  const half = Buffer.concat([command(), startPack(800_000).subarray(0, 400_000)]);
  await new Promise<void>((resolve) => asked.write(half, () => resolve()));
  await eventually(async () => (await leftovers()).some((name) => name.startsWith('tmp_objdir-incoming')));
  asked.destroy();
  await eventually(async () => assert.deepEqual(await leftovers(), []) ?? true);
});

test('a receive-pack that is killed leaves no quarantine', async () => {
  const asked = open('POST', pushPath, { ...pushType, 'content-length': '900000' });
  asked.on('error', () => undefined);
  asked.write(Buffer.concat([command(), startPack(800_000).subarray(0, 400_000)]));
  await eventually(async () => (await leftovers()).some((name) => name.startsWith('tmp_objdir-incoming')));
  for (const pid of await receivePacks()) process.kill(pid, 'SIGKILL');
  await eventually(async () => assert.deepEqual(await leftovers(), []) ?? true);
  asked.destroy();
});

/** The beginning of a pack of one blob of noise; its checksum is left out. */
function startPack(bytes: number): Buffer {
  const size = [0x30 | (bytes & 15) | 0x80];
  let rest = bytes >> 4;
  for (; rest > 127; rest >>= 7) size.push((rest & 127) | 128);
  const head = Buffer.from([0x50, 0x41, 0x43, 0x4b, 0, 0, 0, 2, 0, 0, 0, 1, ...size, rest]);
  return Buffer.concat([head, deflateSync(randomBytes(bytes))]);
}

test('a git that is killed in its upload leaves no process and no quarantine', async () => {
  const big = await makeSource(world.folder, 'big', world.url());
  await commitFile(big, 'noise', randomBytes(900_000));
  const child = startClient(big, ['-c', 'http.postBuffer=1024', 'push', 'deploy', 'main:other']);
  await eventually(async () => (await gitProcesses()).some((line) => line.includes('receive-pack')), {
    intervalMs: 2,
  });
  killClient(child);
  await new Promise((resolve) => child.on('close', resolve));
  await eventually(async () => assert.deepEqual(await leftovers(), []) ?? true);
});

async function leftovers(): Promise<string[]> {
  const objects = await readdir(join(world.git.path('id-shop'), 'objects'));
  return [...objects.filter((name) => name.startsWith('tmp_')), ...(await gitProcesses())];
}

/** Command lines of gits that work in this world's repositories. */
async function gitProcesses(): Promise<string[]> {
  return [...(await listGits()).values()];
}

async function receivePacks(): Promise<number[]> {
  return [...(await listGits())].filter(([, line]) => line.includes('receive-pack')).map(([pid]) => pid);
}

async function listGits(): Promise<Map<number, string>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const all = await Promise.all(pids.map(async (pid) => [Number(pid), await read(pid)] as const));
  const repositories = join(world.folder, 'repositories');
  return new Map(all.filter(([, line]) => line.includes(repositories) && line.includes('git')));
}

test('after all of it a push still works', async () => {
  const { code, output } = await runClient(source, ['push', 'deploy', 'main:refs/tags/v1']);
  assert.equal(code, 0, output);
});
