import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planManifest } from '../../src/build/manifest.ts';
import { Failure } from '../../src/failure.ts';

const plan = (appJson: string | object | null, procfile: string | null = null) =>
  planManifest({
    procfile,
    appJson: typeof appJson === 'object' && appJson !== null ? JSON.stringify(appJson) : appJson,
  });

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error;
  }
  assert.fail('it did not fail');
}

test('without files an app is one web process with the image own command', () => {
  assert.deepEqual(plan(null), {
    processes: [{ type: 'web', command: null, quantity: null }],
    release: null,
    env: {},
    awaited: [],
    health: null,
    build: { dockerfile: null, context: '', target: null, args: {} },
    resources: {},
    check: null,
    services: [],
    warnings: [],
  });
});

test('a Procfile gives the processes and the release command, app.json their numbers', () => {
  const procfile =
    '# processes\nweb: node server.js --port $PORT\r\n\nworker:   sh -c "a: b"\nrelease: npm run migrate\n';
  const manifest = plan({ formation: { web: { quantity: 3 }, worker: { quantity: 0 } } }, procfile);
  assert.deepEqual(manifest.processes, [
    { type: 'web', command: ['/bin/sh', '-c', 'node server.js --port $PORT'], quantity: 3 },
    { type: 'worker', command: ['/bin/sh', '-c', 'sh -c "a: b"'], quantity: 0 },
  ]);
  assert.deepEqual(manifest.release, ['/bin/sh', '-c', 'npm run migrate']);
  const onlyRelease = plan(null, 'release: true');
  assert.deepEqual(onlyRelease.processes, [{ type: 'web', command: null, quantity: null }]);
});

test('every wrong line of a Procfile is told with its number', () => {
  const { code, message } = failureOf(() =>
    plan(null, 'web: a\nnonsense\nweb: b\nWorker: x\nempty:\na--b: x\nrun: x'),
  );
  assert.equal(code, 'procfile_invalid');
  assert.deepEqual(
    [...message.matchAll(/line (\d+): ([^:]*)/g)].map(([, line, why]) => `${line} ${why}`),
    [
      '2 no "',
      '3 "web" is already on line 1',
      '4 a type has 1 to 30 lower-case letters, digits and single dashes',
      '5 "empty" has no command',
      '6 a type has 1 to 30 lower-case letters, digits and single dashes',
      '7 "run" is what hawser run calls its own; use another type',
    ],
  );
  assert.equal(failureOf(() => plan(null, '\n# nothing\n')).code, 'procfile_invalid');
});

test('app.json gives values, checks, build settings and resources', () => {
  const manifest = plan({
    env: {
      PLAIN: 'text',
      VALUE: { description: 'x', value: 'v' },
      OPTIONAL: { required: false },
      NEEDED: { required: true },
      HOPED: { description: 'y' },
      MADE: { generator: 'secret' },
    },
    healthchecks: { web: [{ type: 'startup', path: '/up', attempts: 4, timeout: 2, wait: 1 }] },
    hawser: {
      build: { dockerfile: 'docker/Dockerfile.web', context: './app/', target: 'prod', args: { A: '1' } },
      resources: { memory: '256m', cpus: 0.5 },
    },
  });
  assert.deepEqual(manifest.env, { PLAIN: 'text', VALUE: 'v' });
  assert.deepEqual(manifest.health, { path: '/up', timeoutMs: 2000, deadlineMs: 12_000 });
  assert.deepEqual(manifest.build, {
    dockerfile: 'docker/Dockerfile.web',
    context: 'app',
    target: 'prod',
    args: { A: '1' },
  });
  assert.deepEqual(manifest.resources, { memory: 256 * 1024 ** 2, cpus: 0.5 });
  assert.deepEqual(manifest.warnings, []);
  assert.deepEqual(manifest.awaited, [
    { name: 'NEEDED', kind: 'required' },
    { name: 'HOPED', kind: 'expected' },
    { name: 'MADE', kind: 'secret' },
  ]);
});

test('what has no effect is a warning, what is free is not', () => {
  const { warnings } = plan(
    {
      name: 'shop',
      'x-ours': 1,
      cron: [],
      nmae: 'typo',
      formation: { wrker: { quantity: 1 }, web: { size: 'big' } },
    },
    'web: x',
  );
  assert.equal(warnings.length, 4, warnings.join('\n'));
  for (const word of ['"cron" has no effect', 'unknown key "nmae"', '"wrker"', 'formation.web.size']) {
    assert.ok(warnings.join('\n').includes(word), word);
  }
});

const services = {
  postgres: {
    image: 'postgres:17-alpine',
    env: { POSTGRES_PASSWORD: '{password}', NETWORK: 'x', PID: '1' },
    port: 5432,
    url: 'postgres://postgres:{password}@{host}:{port}/postgres',
    ready: ['pg_isready', '-U', 'postgres'],
  },
  network: { image: 'registry.example:5000/x@sha256:00', port: 80, command: ['serve'] },
};

test('app.json says how the image is tested, and what runs beside it', () => {
  const environments = {
    test: { scripts: { test: 'npm test' }, env: { A: 'b', C: { value: 'd' } }, timeout: '90s' },
  };
  const manifest = plan({ environments, hawser: { services } });
  assert.deepEqual(manifest.check, {
    command: ['/bin/sh', '-c', 'npm test'],
    env: { A: 'b', C: 'd' },
    timeoutMs: 90_000,
  });
  assert.deepEqual(manifest.services, [
    { name: 'postgres', ...services.postgres, command: null },
    { name: 'network', ...services.network, env: {}, url: 'tcp://{host}:{port}', ready: null },
  ]);
  assert.deepEqual(manifest.warnings, []);
  const list = plan({ environments: { test: { scripts: { test: ['node', '--test'] } } } });
  assert.deepEqual(list.check, { command: ['node', '--test'], env: {}, timeoutMs: 600_000 });
});

test('without a test script there is no check, and what has no effect is said', () => {
  const { check, warnings } = plan({
    environments: { review: {}, test: { scripts: { 'test-setup': 'x' }, addons: ['heroku-redis'] } },
  });
  assert.equal(check, null);
  assert.deepEqual(warnings, [
    'app.json: environments.review has no effect',
    'app.json: environments.test.addons has no effect',
    'app.json: environments.test.scripts.test-setup has no effect',
  ]);
});

const service = (change: object) => ({ hawser: { services: { db: { image: 'x', port: 1, ...change } } } });
const script = (test: unknown) => ({ environments: { test: { scripts: { test } } } });

const broken: [string, string, RegExp][] = [
  ['a trailing comma', '{\n  "env": {},\n}', /^app\.json:3:1: .*comma too many[\s\S]*\n {2}\}\n {2}\^/],
  ['a comment', '{\n  // hello\n}', /^app\.json:2:3: .*comments[\s\S]*\/\/ hello/],
  ['a byte order mark', '\uFEFF{}', /^app\.json:1:1: .*byte order mark/],
  ['an end in the middle', '{"env": {', /^app\.json:1:10: /],
];
for (const [what, text, message] of broken) {
  test(`app.json with ${what} is told with its place`, () => {
    const failure = failureOf(() => plan(text));
    assert.equal(failure.code, 'config_parse_error');
    assert.match(failure.message, message);
  });
}

const invalid: [string, unknown, RegExp][] = [
  ['a list', [], /one object/],
  [
    'an unknown key of ours',
    { hawser: { biuld: {} } },
    /hawser\.biuld: unknown key "biuld" \(did you mean "build"\?\)/,
  ],
  ['a key for later', { hawser: { domains: ['a.example'] } }, /not available in this version/],
  ['a name that is none', { env: { '1A': 'x' } }, /1A/],
  ['a name with =', { env: { 'A=B': 'x' } }, /A=B/],
  ['a number for a value', { env: { A: 1 } }, /text/],
  ['a NUL in a value', { env: { A: 'a\0b' } }, /NUL/],
  ['a value of 33 KB', { env: { A: 'ä'.repeat(16_500) } }, /32 KB/],
  ['a quantity below 0', { formation: { web: { quantity: -1 } } }, /quantity/],
  ['half a process', { formation: { web: { quantity: 1.5 } } }, /quantity/],
  ['a size without unit', { hawser: { resources: { memory: 512 } } }, /unit/],
  ['a path in a URL', { healthchecks: { web: [{ path: '//evil' }] } }, /path/],
  ...['../x', '/etc/passwd', 'a/../../b', '-f', 'a/-b', 'a\0b', 'a\\b', '', 'a//b'].map(
    (path): [string, unknown, RegExp] => [
      `the path ${JSON.stringify(path)}`,
      { hawser: { build: { dockerfile: path } } },
      /inside the repository/,
    ],
  ),
  ['a test that is no line', script(1), /environments\.test\.scripts\.test: must be a (?:text|list|line)/],
  ['a test of no words', script([]), /environments\.test\.scripts\.test: must not be empty/],
  ['a time without unit', { environments: { test: { timeout: 10 } } }, /timeout: write a duration/],
  ['a service without a port', service({ port: undefined }), /services\.db\.port: .*1 to 65535/],
  ['an unknown key of a service', service({ comand: ['x'] }), /comand.*did you mean "command"/],
  ['a URL with another brace', service({ url: 'x://{user}@{host}' }), /\{host\}, \{port\}, \{password\}/],
  ['an image by its id', service({ image: 'sha256:abc' }), /name of a public image/],
  ['an image of another app', service({ image: 'hawser/a1b2:0c' }), /name of a public image/],
  ['a name that no service has', { hawser: { services: { 'A b': { image: 'x', port: 1 } } } }, /lower-case/],
  [
    'eleven services',
    {
      hawser: {
        services: Object.fromEntries(
          Array.from({ length: 11 }, (_, index) => [`s${index}`, { image: 'x', port: 1 }]),
        ),
      },
    },
    /10 services at most/,
  ],
  ['a context outside', { hawser: { build: { context: '..' } } }, /inside the repository/],
];
for (const [what, value, message] of invalid) {
  test(`app.json with ${what} is invalid`, () => {
    const failure = failureOf(() => plan(JSON.stringify(value)));
    assert.equal(failure.code, 'manifest_invalid', failure.message);
    assert.match(failure.message, message);
  });
}

test('duplicate keys and every other mistake are told together, in order', () => {
  const { code, message } = failureOf(() => plan('{\n"env": {"A": 1},\n"hawser": {"x": 1},\n"env": {}\n}'));
  assert.equal(code, 'manifest_invalid');
  assert.match(
    message,
    /hawser\.x[^\n]*line 3[\s\S]*duplicate key "env" \(on line 2 and again on line 4\)|duplicate key[\s\S]*hawser\.x/,
  );
});

for (const key of [
  ...[
    'privileged',
    'cap_add',
    'capAdd',
    'CAP-ADD',
    'devices',
    'network',
    'network_mode',
    'pid',
    'ipc',
    'security_opt',
  ],
  ...['userns', 'cgroup_parent', 'sysctls', 'extra_hosts', 'binds', 'ports'],
]) {
  test(`${key} is not allowed, wherever it stands under hawser`, () => {
    assert.equal(failureOf(() => plan({ hawser: { [key]: true } })).code, 'not_allowed_in_manifest');
    assert.equal(
      failureOf(() => plan({ hawser: { resources: { [key]: 1 } } })).code,
      'not_allowed_in_manifest',
    );
  });
}

test('host paths and host networks are not allowed; a build argument may have any name', () => {
  for (const hawser of [
    { volumes: ['/:/host'] },
    { volumes: { data: '/var/run/docker.sock' } },
    { volumes: ['./x:/y'] },
    { networks: ['host'] },
  ]) {
    assert.equal(failureOf(() => plan({ hawser })).code, 'not_allowed_in_manifest');
  }
  const privileged = failureOf(() => plan(service({ privileged: true })));
  assert.equal(privileged.code, 'not_allowed_in_manifest');
  assert.deepEqual(plan({ hawser: { build: { args: { network: 'host', pid: '1' } } } }).build.args, {
    network: 'host',
    pid: '1',
  });
});

test('keys that mean something to JavaScript are only keys', () => {
  plan('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
  plan('{"env": {"__proto__": "x", "constructor": "y"}, "formation": {"__proto__": {"quantity": 2}}}');
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  const { processes } = plan('{"formation": {}}', 'constructor: x\nweb: y');
  assert.deepEqual(
    processes.map(({ quantity }) => quantity),
    [1, null],
  );
});

test('a value that looks like a secret is warned of by its name, and never shown', () => {
  const secrets = [
    'postgres://shop:hunter2@db/shop',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl',
    'AKIAIOSFODNN7EXAMPLE',
    `ghp_${'a'.repeat(36)}`,
  ];
  for (const value of secrets) {
    const warnings = plan({ env: { DB: value } }).warnings.join();
    assert.match(warnings, /env\.DB looks like a secret \(looks_like_secret\)/, value);
    assert.ok(!warnings.includes(value), value);
  }
  for (const value of ['http://db:5432/x', 'redis://cache', 'AKIA', 'a:b@c', ''])
    assert.deepEqual(plan({ env: { DB: value } }).warnings, [], value);
});
