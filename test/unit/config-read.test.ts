import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import { assertOneMistake, makeFolder, read, refusal } from '../support/config-file.ts';
import { measureCpu } from '../support/cpu-time.ts';

const production = (extra: object) => ({ environments: { production: { branches: ['main'], ...extra } } });

test('an empty object gives the documented defaults', (t) => {
  const config = read(t, {});
  assert.equal(config.url, 'http://127.0.0.1:7070');
  assert.deepEqual(config.listen, {
    http: { host: '127.0.0.1', port: 7070 },
    ssh: { host: '127.0.0.1', port: 7022 },
    tls: null,
  });
  assert.equal(config.redis, 'embedded');
  assert.equal(config.registry, 'embedded');
  assert.deepEqual(config.loadBalancer, { kind: 'embedded', listen: { host: '127.0.0.1', port: 8080 } });
  assert.deepEqual(Object.values(config.servers), [
    { name: 'local', kind: 'local', address: '127.0.0.1', roles: [] },
  ]);
  assert.deepEqual(config.environments.production, {
    name: 'production',
    branches: ['main'],
    tags: [],
    servers: ['local'],
    serverWords: null,
    promoteFrom: [],
    approval: 'none',
    sticky: false,
    requireNonRoot: false,
    supersede: true,
    rollout: {
      strategy: 'rolling',
      first: { count: 1 },
      steps: [10, 50],
      bakeMs: 0,
      keepMs: 0,
      maxErrorRate: null,
      maxLatencyMs: null,
      minRequests: 50,
      autoRollback: true,
      releaseTimeoutMs: 3_600_000,
      batch: { percent: 50 },
      health: { path: '/', intervalMs: 250, timeoutMs: 5000, healthy: 2, deadlineMs: 60_000 },
      drainMs: 10_000,
      stopTimeoutMs: 10_000,
      onUnreachable: 'fail',
    },
  });
  assert.equal(config.builders.timeoutMs, 1_200_000);
  assert.equal(config.builders.socket, '/var/run/docker.sock');
  assert.equal(config.limits.push, 500 * 1024 ** 2);
  assert.deepEqual(config.retention, { releases: 5, deploys: 100 });
});

test('paths are relative to the folder of the file', (t) => {
  const config = read(t, { data: 'here/data' });
  assert.equal(config.data, join(config.file, '..', 'here', 'data'));
});

test('the result is frozen to its leaves', (t) => {
  const config = read(t, {});
  assert.throws(() => Object.assign(config.limits.container, { memory: 1 }), TypeError);
  assert.throws(() => Object.assign(Object(config.environments.production).branches, ['x']), TypeError);
});

test('text that is not JSON is refused with the place and the line', (t) => {
  const cases: [string, RegExp][] = [
    ['{\n  "data": "x",\n}', /deploy\.config\.json:3:1: .*comma too many\?\)\n {2}}\n {2}\^/],
    ['{ // why\n}', /:1:3: comments are not JSON/],
    ['\uFEFF{}', /:1:1: .*byte order mark/],
    ["{'a': 1}", /:1:2: a key in double quotes was expected/],
    ['{"a": NaN}', /:1:7: a value was expected, found "N"/],
    ['', /:1:1: the text ends/],
    ['{} {}', /:1:4: there is more text/],
    ['{"a": 01}', /:1:8: /],
    [`${'['.repeat(10_000)}`, /nested more than 32 deep/],
  ];
  for (const [text, expected] of cases) {
    const failure = refusal(t, text);
    assert.equal(failure.code, 'config_parse_error', text.slice(0, 40));
    assert.match(failure.message, expected);
  }
});

test('any JSON object is either read or refused with a Failure, as JSON.parse would read it', (t) => {
  const file = join(makeFolder(t), 'deploy.config.json');
  const key = fc.constantFrom(
    'url',
    'listen',
    'servers',
    'environments',
    'x-note',
    '__proto__',
    'toString',
    'limits',
  );
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 4 })), (content) => {
      writeFileSync(file, JSON.stringify(content));
      try {
        readConfig(file, {});
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.equal(error.code, 'config_invalid');
      }
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('what is not an object is refused as such', (t) => {
  for (const text of ['[]', '"x"', 'null', '3']) assert.equal(refusal(t, text).code, 'config_not_object');
});

test('a file of more than 64 KB, a missing one and a folder are refused before they are read', (t) => {
  assert.equal(refusal(t, `{"x-a":"${'a'.repeat(70_000)}"}`).code, 'config_too_large');
  const folder = makeFolder(t);
  assert.throws(() => readConfig(join(folder, 'none.json'), {}), { code: 'config_not_found' });
  assert.throws(() => readConfig(folder, {}), { code: 'config_not_found' });
});

test('a file full of mistakes is answered quickly, and not with a book', (t) => {
  const keys = Array.from({ length: 6_000 }, (_, index) => `"k${index}":1`);
  const { value: failure, ms } = measureCpu(() => refusal(t, `{${keys.join(',')}}`));
  assert.ok(ms < 5_000, `${ms} ms`);
  assert.match(failure.message, /has 6000 mistakes:/);
  assert.match(failure.message, /… and 5900 more$/);
});

test('a duplicate key is refused with both lines', (t) => {
  assertOneMistake(
    t,
    '{\n"data": "a",\n"data": "b"\n}',
    /data: duplicate key "data" \(on line 2 and again on line 3\)/,
  );
});

test('an unknown key names the nearest known one', (t) => {
  assertOneMistake(t, { lisen: {} }, /lisen: unknown key "lisen" \(did you mean "listen"\?\)/);
  assertOneMistake(t, { limits: { pushh: '1m' } }, /limits\.pushh: .*did you mean "push"/);
  assertOneMistake(t, { servers: { a: { ssh: 'u@h', adress: 'h' } } }, /servers\.a\.adress: .*"address"/);
  assertOneMistake(t, production({ rollout: { health: { pth: '/' } } }), /rollout\.health\.pth: .*"path"/);
});

test('keys that begin with x- are free', (t) => {
  read(t, {
    'x-note': [1, { 'x-a': 1 }],
    limits: { 'x-why': 'because' },
    ...production({ 'x-owner': 'ada' }),
  });
});

test('names of the prototype are neither keys nor names', (t) => {
  assertOneMistake(t, '{"__proto__": {"polluted": true}}', /__proto__: unknown key/);
  assertOneMistake(t, { toString: 1 }, /toString: unknown key/);
  for (const name of ['constructor', 'toString', 'Prod', 'a--b', '-a', 'a'.repeat(31), 'a b', '']) {
    assertOneMistake(t, { servers: { ok: { ssh: 'u@h' }, [name]: { ssh: 'u@h2' } } }, /a name has 1 to 30/);
  }
  assertOneMistake(t, '{"servers": {"ok": "local", "__proto__": "local"}}', /unknown key "__proto__"/);
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

test('addresses to listen on have a host and a port from 1 to 65535', (t) => {
  for (const bad of [
    '127.0.0.1:0',
    '127.0.0.1:-1',
    '127.0.0.1:65536',
    '127.0.0.1:1e3',
    'h:$(id)',
    '127.0.0.1',
    7070,
  ]) {
    assertOneMistake(t, { listen: { http: bad } }, /listen\.http: /);
  }
  for (const bad of ['1.2.3:80', '[::zz]:80', '-h:80', 'h..x:80'])
    assertOneMistake(t, { listen: { http: bad } }, /listen\.http: /);
  assert.deepEqual(read(t, { listen: { http: '[::1]:80' } }).listen.http, { host: '::1', port: 80 });
  assert.equal(read(t, { listen: { http: '0.0.0.0:80' } }).url, 'http://localhost:80');
  assertOneMistake(t, { listen: { http: '127.0.0.1:7022' } }, /listen\.ssh: listen\.http already listens/);
});

test('durations and sizes without a unit or out of bounds are refused', (t) => {
  for (const drain of ['10 lightyears', '10', 10, '-5s', '1e9s', '9999h', '1.5s', '']) {
    assertOneMistake(t, production({ rollout: { drain } }), /production\.rollout\.drain: .*0ms to 1h/);
  }
  for (const memory of ['64', 64, '1TB', '4m', '-1g', '9999t'])
    assertOneMistake(t, { builders: { memory } }, /builders\.memory: .*64m to 1t/);
  const config = read(t, { builders: { memory: '1.5g', timeout: '90s' } });
  assert.equal(config.builders.memory, 1.5 * 1024 ** 3);
  assert.equal(config.builders.timeoutMs, 90_000);
});

test('the path of the health check cannot leave its line or its host', (t) => {
  for (const path of [
    'http://169.254.169.254/',
    '//x',
    '/a\r\nHost: x',
    '',
    `/${'a'.repeat(10_000)}`,
    '/a b',
    'up',
  ])
    assertOneMistake(
      t,
      production({ rollout: { health: { path } } }),
      /health\.path: must be a path that starts/,
    );
});

test('every mistake of the file is told at once, in the order of the lines', (t) => {
  const failure = refusal(
    t,
    `{
      "listen": { "http": 80 },
      "servers": { "a": { "ssh": "u@h", "via": "b" } },
      "environments": {
        "production": { "branches": ["main"], "servers": ["c"], "rollout": { "drain": 5 } },
        "staging": { "branches": ["main"] }
      },
      "domain": "{app}.example.com",
      "prot": 1
    }`,
  );
  const paths = failure.message.split('\n').map((line) => line.trim().split(':')[0]);
  assert.deepEqual(paths.slice(1), [
    'listen.http',
    'servers.a.via',
    'environments.production.rollout.drain',
    'environments.production.servers[0]',
    'environments.staging.branches[0]',
    'prot',
  ]);
  assert.match(failure.message, /\[line 9\]$/);
});
