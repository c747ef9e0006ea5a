import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type ApiWorld, type Asking, openApiWorld } from '../support/api-world.ts';

type Row = readonly [what: string, method: string, path: string, asking: Asking, answer: string];

const json = { 'content-type': 'application/json' };
const rows: readonly Row[] = [
  ['half a body', 'POST', '/apps', { text: '{', headers: json }, '400 invalid_json'],
  ['an empty body', 'POST', '/apps', { text: '', headers: json }, '400 invalid_json'],
  [
    'a body without type',
    'POST',
    '/apps',
    { text: 'name=x', headers: { 'content-type': '' } },
    '415 media_type_not_supported',
  ],
  [
    'plain text',
    'POST',
    '/apps',
    { text: 'x', headers: { 'content-type': 'text/plain' } },
    '415 media_type_not_supported',
  ],
  [
    'a form',
    'POST',
    '/apps',
    { text: 'x=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    '415 media_type_not_supported',
  ],
  ['2 MB', 'POST', '/apps', { text: `{"name":"${'x'.repeat(2e6)}"}`, headers: json }, '413 body_too_large'],
  ['a list', 'POST', '/apps', { body: [] }, '400 invalid_input'],
  ['an extra field', 'POST', '/apps', { body: { name: 'a', role: 'admin' } }, '400 unknown_field'],
  [
    'a prototype',
    'POST',
    '/apps',
    { text: '{"name":"a","__proto__":{"x":1}}', headers: json },
    '400 invalid_json',
  ],
  ['no field', 'POST', '/apps', { body: {} }, '400 invalid_input'],
  ['a number as name', 'POST', '/apps', { body: { name: 1 } }, '400 invalid_input'],
  ['a name that is taken', 'POST', '/apps', { body: { name: 'shop' } }, '409 app_exists'],
  ['a name with upper case', 'POST', '/apps', { body: { name: 'Shop' } }, '400 invalid_app_name'],
  ['a Cyrillic name', 'POST', '/apps', { body: { name: 'аpp' } }, '400 invalid_app_name'],
  ['a zero-width space', 'POST', '/apps', { body: { name: 'app\u200b' } }, '400 invalid_app_name'],
  ['a reserved name', 'POST', '/apps', { body: { name: 'api' } }, '400 invalid_app_name'],
  ['a name of 10 KB', 'POST', '/apps', { body: { name: 'x'.repeat(10_000) } }, '400 invalid_input'],
  ['SQL as id', 'GET', '/deploys/1%20OR%201=1', {}, '404 deploy_not_found'],
  ['a path as id', 'GET', '/deploys/..%2f1', {}, '404 deploy_not_found'],
  ['a deploy of no number', 'GET', '/deploys/0', {}, '404 deploy_not_found'],
  ['a huge id', 'GET', `/deploys/${'9'.repeat(90)}`, {}, '404 deploy_not_found'],
  ['a path as app', 'GET', '/apps/..%2f..%2fetc', {}, '404 app_not_found'],
  ['a negative limit', 'GET', '/deploys?limit=-1', {}, '400 invalid_input'],
  ['a huge limit', 'GET', '/deploys?limit=1e9', {}, '400 invalid_input'],
  ['no cursor', 'GET', '/deploys?cursor=garbage', {}, '400 invalid_cursor'],
  ['an unknown question', 'GET', '/deploys?sort=password', {}, '400 unknown_field'],
  ['a question twice', 'GET', '/deploys?limit=1&limit=2', {}, '400 invalid_input'],
  ['an unknown right', 'POST', '/tokens', { body: { rights: ['root'] } }, '400 invalid_input'],
  ['no right', 'POST', '/tokens', { body: { rights: [] } }, '400 invalid_input'],
  ['a token for no app', 'POST', '/tokens', { body: { app: 'nope' } }, '404 app_not_found'],
  [
    'a name with control characters',
    'POST',
    '/tokens',
    { body: { name: 'a\u001b[2J' } },
    '400 invalid_input',
  ],
  ['a token nobody has', 'DELETE', '/tokens/t123', {}, '404 token_not_found'],
  ['no version', 'POST', '/apps/shop/rollback', { body: { version: 'v1' } }, '400 invalid_input'],
  [
    'a release that is not there',
    'POST',
    '/apps/shop/rollback',
    { body: { version: 9 } },
    '404 release_not_found',
  ],
  ['another environment', 'GET', '/apps/shop/releases?env=nope', {}, '404 environment_unknown'],
  ['no server', 'GET', '/servers/nope/doctor', {}, '404 server_unknown'],
  ['constructor as server', 'GET', '/servers/constructor/doctor', {}, '404 server_unknown'],
  ['no fingerprint', 'POST', '/servers/local/trust', { body: { fingerprint: 'MD5:x' } }, '400 invalid_input'],
  ['no such process', 'GET', '/apps/shop/logs?process=$(id)', {}, '400 invalid_input'],
  ['no such server of logs', 'GET', '/apps/shop/logs?server=nope', {}, '404 server_unknown'],
  ['no position', 'GET', '/deploys/1/log', { headers: { 'last-event-id': 'abc' } }, '400 invalid_input'],
  ['nothing there', 'GET', '/nope', {}, '404 route_not_found'],
  ['another method', 'DELETE', '/apps', {}, '405 method_not_allowed'],
  [
    'a method that is read from a header',
    'POST',
    '/apps/shop',
    { headers: { 'x-http-method-override': 'DELETE' } },
    '405 method_not_allowed',
  ],
  ['a token in the address', 'GET', `/apps?x=hw_${'a'.repeat(43)}_00000000`, {}, '400 token_in_url'],
  ['a token field in the address', 'GET', '/apps?access_token=1', {}, '400 token_in_url'],
];

async function openWorld(t: Parameters<typeof openApiWorld>[0]): Promise<{ world: ApiWorld; token: string }> {
  const world = await openApiWorld(t);
  await world.queue();
  return { world, token: await world.makeToken(null, 'admin') };
}

test('every bad request has its code, its sentence and its next step', async (t) => {
  const { world, token } = await openWorld(t);
  const seen: Record<string, string> = {};
  for (const [what, method, path, asking] of rows) {
    const { status, json, headers, text } = await world.ask(method, `/api/v1${path}`, { token, ...asking });
    seen[what] = `${status} ${json?.code}`;
    assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8', what);
    assert.equal(json.status, status, what);
    assert.equal(json.type, `urn:hawser:problem:${json.code}`, what);
    assert.ok(json.detail.length > 0 && json.fix.length > 0, what);
    assert.equal(json.requestId, headers.get('x-request-id'), what);
    assert.doesNotMatch(text, /node_modules|\.ts:|at \w+ \(/, what);
    assert.doesNotMatch(text, /(?![\t\n])\p{Cc}/u, what);
  }
  assert.deepEqual(seen, Object.fromEntries(rows.map(([what, , , , answer]) => [what, answer])));
  assert.equal((Object.create({}) as { x?: number }).x, undefined);
});

test('the header that carries the token is read in one way only', async (t) => {
  const { world, token } = await openWorld(t);
  const headers: Readonly<Record<string, string>> = {
    [`Bearer ${token}`]: '200 undefined',
    [`bearer  ${token}`]: '200 undefined',
    Bearer: '401 token_malformed',
    'Bearer ': '401 token_malformed',
    [`Bearer ${token} x`]: '401 token_malformed',
    [`Bearer ${token.slice(0, -1)}`]: '401 token_malformed',
    [`Bearer ${token.replace(/.$/, (last) => (last === '0' ? '1' : '0'))}`]: '401 token_malformed',
    [`Basic ${btoa(`deploy:${token}`)}`]: '401 token_malformed',
    'Basic !!!': '401 token_malformed',
    [`Bearer ${'x'.repeat(8_000)}`]: '401 token_malformed',
  };
  for (const [authorization, answer] of Object.entries(headers)) {
    const { status, json } = await world.ask('GET', '/api/v1/apps', { headers: { authorization } });
    assert.equal(`${status} ${json.code}`, answer, authorization.slice(0, 40));
  }
});

test('two Authorization headers are refused', async (t) => {
  const { world, token } = await openWorld(t);
  const { host, port } = world.config.listen.http;
  const socket = connect(port, host);
  const twice = `Authorization: Bearer ${token}\r\nAuthorization: Bearer x\r\n`;
  socket.end(`GET /api/v1/apps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${twice}\r\n`);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  await once(socket, 'close');
  assert.match(answer, /^HTTP\/1\.1 401 /);
  assert.match(answer, /token_malformed/);
});

test('a bug is told by its id alone, and logged with its stack under that id', async (t) => {
  const world = await openApiWorld(t, {
    createApp: async () => {
      throw new TypeError('cannot read /secret/path of undefined');
    },
  });
  const token = await world.makeToken(null, 'admin');
  const { status, json, text } = await world.ask('POST', '/api/v1/apps', { token, body: { name: 'x' } });
  assert.equal(status, 500);
  assert.equal(json.code, 'internal');
  assert.doesNotMatch(text, /secret/);
  const [entry] = world.logged as { requestId?: string; stack?: string }[];
  assert.equal(entry?.requestId, json.requestId);
  assert.match(entry?.stack ?? '', /secret\/path.*\n\s+at /);
  assert.ok(!JSON.stringify(world.logged).includes(token), 'the token was logged');
});

test('lists are paged without a gap or a double', async (t) => {
  const { world, token } = await openWorld(t);
  for (let more = 0; more < 6; more++) await world.queue();
  const ids: number[] = [];
  let next: string | null = null;
  do {
    const cursor: string = next === null ? '' : `&cursor=${next}`;
    const { json } = await world.ask('GET', `/api/v1/deploys?limit=3${cursor}`, { token });
    ids.push(...json.items.map((item: { id: number }) => item.id));
    next = json.next;
  } while (next !== null);
  assert.deepEqual(ids, [7, 6, 5, 4, 3, 2, 1]);
});

test('the value of a config variable and the hash of a token are never answered', async (t) => {
  const { world, token } = await openWorld(t);
  await world.finish(await world.queue());
  const made = await world.ask('POST', '/api/v1/tokens', { token, body: { app: 'shop', name: 'ci' } });
  assert.match(made.json.token, /^hw_/);
  for (const path of ['/apps', '/apps/shop', '/apps/shop/releases', '/deploys', '/deploys/2', '/tokens']) {
    const { text, status } = await world.ask('GET', `/api/v1${path}`, { token });
    assert.equal(status, 200, path);
    assert.ok(
      !text.includes('postgres://secret') && !text.includes(made.json.token) && !text.includes('hash'),
      path,
    );
  }
});

test('who watches from outside learns yes or no without a token', async (t) => {
  const world = await openApiWorld(t, {
    readiness: async () => [{ name: 'redis', ok: false, detail: 'redis://user:password@host is down' }],
  });
  assert.deepEqual((await world.ask('GET', '/healthz')).json, { ok: true });
  const ready = await world.ask('GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.deepEqual(ready.json, { ready: false, parts: [{ name: 'redis', ok: false }] });
});

test('the OpenAPI document names every route', async (t) => {
  const { world } = await openWorld(t);
  const { json } = await world.ask('GET', '/api/v1/openapi.json');
  assert.equal(json.openapi, '3.1.0');
  assert.equal(
    json.paths['/api/v1/apps/{app}/rollback'].post.requestBody.content['application/json'].schema.type,
    'object',
  );
  assert.deepEqual(
    json.paths['/api/v1/deploys'].get.parameters.flatMap(({ name }: { name?: string }) => name ?? []),
    ['limit', 'cursor', 'app', 'env'],
  );
});
