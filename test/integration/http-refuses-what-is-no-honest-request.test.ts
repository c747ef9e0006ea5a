import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type HttpOptions, openHttp } from '../../src/server/http.ts';
import { openApiWorld } from '../support/api-world.ts';
import { eventually } from '../support/eventually.ts';
import { askRaw } from '../support/raw-http.ts';
import { openWorld, runClient, token } from '../support/receive-world.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'tls');
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function openDoor(t: TestContext, options: Partial<HttpOptions> = {}) {
  const door = await openHttp({
    where: { host: '127.0.0.1', port: 0 },
    url: 'http://deploy.example.com',
    respond: (request, response) => {
      request.on('end', () => response.end('well')).on('error', () => response.destroy());
      request.resume();
    },
    log,
    ...options,
  });
  t.after(() => door[Symbol.asyncDispose]());
  return door.port;
}

test('whatever is answered, a browser is told to do nothing with it', async (t) => {
  const api = await openApiWorld(t);
  const wanted = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy':
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  };
  const evil = { origin: 'https://evil.example' };
  const asked: readonly [string, string, Record<string, string>, number][] = [
    ['GET', '/healthz', {}, 200],
    ['GET', '/api/v1/openapi.json', {}, 200],
    ['GET', '/api/v1/apps', {}, 401],
    ['GET', '/nope', {}, 404],
    ['POST', '/api/v1/apps', evil, 403],
    ['DELETE', '/api/v1/apps/shop', evil, 403],
  ];
  for (const [method, path, headers, status] of asked) {
    const answer = await api.ask(method, path, { headers });
    assert.equal(answer.status, status, path);
    for (const [name, value] of Object.entries(wanted))
      assert.equal(answer.headers.get(name), value, `${path} ${name}`);
    assert.equal(answer.headers.get('strict-transport-security'), null);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.equal(answer.headers.get('server'), null);
  }
  const { json } = await api.ask('POST', '/api/v1/apps', { headers: evil, body: { name: 'x' } });
  assert.equal(json.code, 'origin_refused');
  const { port } = api.config.listen.http;
  const foreign = await askRaw(port, 'GET /api/v1/apps HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  assert.match(foreign, /^HTTP\/1\.1 421 [\s\S]*x-frame-options: DENY[\s\S]*"code":"host_unknown"/i);
});

test('git is told in words that it shows, with the same headers', async (t) => {
  const world = await openWorld();
  t.after(() => world[Symbol.asyncDispose]());
  const at = '/shop.git/info/refs?service=git-upload-pack';
  const answer = await fetch(`http://127.0.0.1:${world.port}${at}`);
  assert.equal(answer.status, 401);
  assert.equal(answer.headers.get('x-frame-options'), 'DENY');
  const foreign = await askRaw(world.port, `GET ${at} HTTP/1.1\r\nHost: evil.example\r\n\r\n`);
  assert.match(foreign, /^HTTP\/1\.1 421 [\s\S]*error\[host_unknown\]/);
});

test('what is no request, or none in time, is told so', async (t) => {
  const port = await openDoor(t, { times: { headersMs: 1_000, bodyMs: 1_200 } });
  const head = 'POST /api/v1/apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const many = Array.from({ length: 1_000 }, (_, index) => `a${index}: 1\r\n`).join('');
  const rows: readonly [string, string, RegExp][] = [
    ['slow headers', 'GET / HTTP/1.1\r\nHost: localhost\r\n', /^HTTP\/1\.1 408 /],
    ['a slow body', `${head}Content-Length: 100\r\n\r\n{`, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/],
    [
      'a body without end',
      `${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
      /^HTTP\/1\.1 408 [\s\S]*request_timeout/,
    ],
    ['a thousand headers', `GET / HTTP/1.1\r\nHost: localhost\r\n${many}\r\n`, /^HTTP\/1\.1 431 /],
    [
      'a header of 100 KB',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00 hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'two lengths',
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a header in two lines',
      'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
  ];
  const answers = await Promise.all(rows.map(([, bytes]) => askRaw(port, bytes)));
  for (const [index, [what, , expected]] of rows.entries())
    assert.match(answers[index] ?? '', expected, what);
});

test('five hundred that send a byte now and then keep nobody out', async (t) => {
  const port = await openDoor(t, { times: { headersMs: 5_000 } });
  const slow = Array.from({ length: 500 }, () => connect(port, '127.0.0.1'));
  const closed = new Set<unknown>();
  for (const socket of slow) {
    socket.on('error', () => undefined).on('close', () => closed.add(socket));
    socket.resume().write('GET / HTTP/1.1\r\nX: ');
  }
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x');
  }, 300);
  t.after(() => clearInterval(drip));
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(answer.status, 200);
  assert.equal(closed.size, 0, 'others were kept waiting until they were cut');
  await eventually(() => closed.size === 500);
});

test('one address has its share of the connections', async (t) => {
  const port = await openDoor(t, { connections: { perOwnAddress: 3 } });
  const open = [1, 2, 3].map(() => connect(port, '127.0.0.1'));
  t.after(() => open.forEach((socket) => void socket.destroy()));
  await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  assert.equal(await askRaw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), '');
  open[0]?.destroy();
  await eventually(async () =>
    (await askRaw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).includes('well'),
  );
});

function useFiles(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const put = (name: string) => {
    copyFileSync(join(fixtures, `${name}.crt`), files.cert);
    copyFileSync(join(fixtures, `${name}.key`), files.key);
    chmodSync(files.key, 0o600);
  };
  put('one');
  return { files, put };
}

function lookAt(port: number, versions: object = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...versions });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

test('TLS is served with the own certificate, 1.2 or newer, and a new one is taken while it runs', async (t) => {
  const { files, put } = useFiles(t);
  const errors: object[] = [];
  const failing = { ...log, error: (details: object) => void errors.push(details) };
  const port = await openDoor(t, {
    tls: files,
    url: 'https://localhost',
    log: failing,
    times: { lookMs: 50 },
  });
  const name = async () => {
    const socket = await lookAt(port);
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };
  assert.equal(await name(), 'hawser one');
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await assert.rejects(lookAt(port, old), /alert protocol version/);
  const kept = await lookAt(port);
  t.after(() => void kept.destroy());
  put('two');
  await eventually(async () => (await name()) === 'hawser two');
  writeFileSync(files.cert, 'half a file');
  await eventually(() => errors.length > 0);
  assert.equal(await name(), 'hawser two');
  assert.doesNotMatch(JSON.stringify(errors), /PRIVATE/);
  assert.equal(kept.destroyed, false, 'who was connected was cut');
  const answer = await new Promise<string | undefined>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false };
    get(options, (response) => resolve(response.headers['strict-transport-security'])).on('error', reject);
  });
  assert.match(answer ?? '', /max-age/);
  assert.doesNotMatch(await askRaw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /well/);
});

test('git speaks TLS with the real certificate and refuses another', async (t) => {
  const { files } = useFiles(t);
  const world = await openWorld({ tls: files });
  t.after(() => world[Symbol.asyncDispose]());
  const url = `https://deploy:${token}@127.0.0.1:${world.port}/shop.git`;
  const trusting = await runClient(world.folder, ['ls-remote', url], { GIT_SSL_CAINFO: files.cert });
  assert.equal(trusting.code, 0, trusting.output);
  const other = await runClient(world.folder, ['ls-remote', url], {
    GIT_SSL_CAINFO: join(fixtures, 'two.crt'),
  });
  assert.notEqual(other.code, 0);
  assert.match(other.output, /certificate/);
});
