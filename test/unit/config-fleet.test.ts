import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listCrossMistakes, listWholeMistakes } from '../../src/config/check.ts';
import { sshTarget } from '../../src/config/grammar.ts';
import { formatPath } from '../../src/config/mistakes.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { configSchema } from '../../src/config/schema.ts';

const read = (content: unknown) =>
  resolveConfig(configSchema.parse(content), '/c/deploy.config.json', (path) => path);
const mistakes = (content: Record<string, unknown>) =>
  listCrossMistakes(content).map((mistake) => `${formatPath(mistake.path)}: ${mistake.message}`);

test('an SSH target is user@host[:port] and nothing else', () => {
  const good: [string, object][] = [
    ['deploy@app1', { user: 'deploy', host: 'app1', port: 22 }],
    ['deploy@10.0.0.1:2222', { user: 'deploy', host: '10.0.0.1', port: 2222 }],
    ['a.b-c_d@x.example.com', { user: 'a.b-c_d', host: 'x.example.com', port: 22 }],
    ['root@[2001:db8::1]', { user: 'root', host: '2001:db8::1', port: 22 }],
    ['root@[::1]:22022', { user: 'root', host: '::1', port: 22_022 }],
  ];
  for (const [text, expected] of good) assert.deepEqual(sshTarget().parse(text), expected, text);
  const bad = [
    'app1',
    '@app1',
    '-o@app1',
    'u@-oProxyCommand=x',
    'u@h:0',
    'u@h:65536',
    'u@h:22x',
    'u@h:022',
    'u@h:',
  ];
  const worse = [
    'u@::1',
    'u@[::zz]',
    'u@[h]',
    'u@[1.2.3.4]',
    'u@h h',
    'u@h;id',
    'u:pw@h',
    'u@h\n',
    'u@',
    'u@a..b',
    'u@999.1.1.1',
    'u@@h',
  ];
  for (const text of [...bad, ...worse]) assert.equal(sshTarget().safeParse(text).success, false, text);
});

test('servers are chosen by name or role; without a choice all of them', () => {
  const config = read({
    servers: {
      a: { ssh: 'u@h1', roles: ['web'] },
      b: { ssh: 'u@h2', roles: ['web', 'jobs'] },
      c: { ssh: 'u@h3', address: '10.0.0.3' },
      here: { local: true, address: '10.0.0.9', roles: ['jobs'] },
    },
    environments: { staging: { servers: ['jobs'] }, production: { servers: ['web', 'c', 'a'] }, all: {} },
  });
  assert.deepEqual(config.environments.staging?.servers, ['b', 'here']);
  assert.deepEqual(config.environments.production?.servers, ['a', 'b', 'c']);
  assert.deepEqual(config.environments.all?.servers, ['a', 'b', 'c', 'here']);
  assert.equal(config.servers.c?.address, '10.0.0.3');
  assert.equal(config.servers.b?.address, 'h2');
});

test('two servers cannot be one machine', () => {
  assert.deepEqual(mistakes({ servers: { a: { ssh: 'u@h' }, b: { ssh: 'v@H:22', address: 'x' } } }), [
    'servers.b: has the same SSH endpoint h:22 as "a"',
  ]);
  assert.deepEqual(mistakes({ servers: { a: { ssh: 'u@h' }, b: { ssh: 'u@h:23' } } }), [
    'servers.b: has the same address h as "a"',
  ]);
  assert.deepEqual(mistakes({ servers: { a: 'local', b: { local: true } } }), [
    'servers.b: has the same address 127.0.0.1 as "a"',
  ]);
  assert.deepEqual(
    mistakes({ servers: { a: { ssh: 'u@h' }, b: { ssh: 'u@h:23', address: '10.0.0.2' } } }),
    [],
  );
});

test('behind a jump host two servers may have one private endpoint, but not one address', () => {
  const behind = (address: string) => ({
    gate: { ssh: 'u@g' },
    a: { ssh: 'u@10.0.0.1', via: 'gate' },
    b: { ssh: 'u@10.0.0.1', via: 'gate', address },
  });
  assert.deepEqual(mistakes({ servers: behind('10.9.0.1') }), []);
  assert.equal(mistakes({ servers: behind('10.0.0.1') }).length, 1);
});

test('one domain cannot be for two environments', () => {
  const whole = (content: unknown) =>
    listWholeMistakes(configSchema.parse(content)).map(({ message }) => message);
  const environments = { production: {}, staging: {} };
  assert.deepEqual(whole({ domain: '{app}.x.org', environments }), [
    'gives production and staging the same domain',
  ]);
  assert.deepEqual(whole({ domain: '{app}-{env}.x.org', environments }), []);
  assert.deepEqual(whole({ domain: '{app}.x.org' }), []);
});

test('a registry has user and password or neither, and no password goes over a network in the clear', () => {
  const whole = (registry: object) =>
    listWholeMistakes(configSchema.parse({ registry })).map(({ message }) => message);
  const login = { username: 'u', password: 'p' };
  assert.deepEqual(whole({ url: 'https://r.example', username: 'u' }), [
    'username and password go together; one of them is missing',
  ]);
  assert.deepEqual(whole({ url: 'http://r.example', ...login }), ['would send the password over plain HTTP']);
  assert.deepEqual(whole({ url: 'http://127.0.0.1:5000', ...login }), []);
  assert.deepEqual(whole({ url: 'http://r.example' }), []);
});

test('jump hosts exist and do not go round in a circle', () => {
  assert.deepEqual(mistakes({ servers: { a: { ssh: 'u@h', via: 'gate' } } }), [
    'servers.a.via: unknown server "gate"',
  ]);
  const circle = {
    a: { ssh: 'u@h1', via: 'b' },
    b: { ssh: 'u@h2', via: 'c' },
    c: { ssh: 'u@h3', via: 'b' },
    d: { ssh: 'u@h4', via: 'd' },
  };
  assert.deepEqual(mistakes({ servers: circle }), [
    'servers.b.via: goes round in a circle: b → c → b',
    'servers.c.via: goes round in a circle: c → b → c',
    'servers.d.via: goes round in a circle: d → d',
  ]);
});

test('unknown servers and roles are told with the nearest one', () => {
  const [mistake] = listCrossMistakes({
    servers: { app1: { ssh: 'u@h', roles: ['web'] } },
    environments: { production: { servers: ['wbe'] } },
  });
  assert.deepEqual(mistake, {
    path: ['environments', 'production', 'servers', 0],
    message: 'unknown server or role "wbe"',
    hint: 'did you mean "web"?',
  });
  assert.deepEqual(mistakes({ servers: { a: { ssh: 'u@h', roles: ['a'] } } }), [
    'servers: "a" is a server and a role; rename one',
  ]);
});

test('a branch or tag deploys to one environment only', () => {
  const environments = {
    p: { branches: ['main'], tags: ['v*'] },
    s: { branches: ['next', 'main'], tags: ['v*'] },
  };
  assert.deepEqual(mistakes({ environments }), [
    'environments.s.branches[1]: "main" already deploys to "p"',
    'environments.s.tags[0]: "v*" already deploys to "p"',
  ]);
});

test('a rollout that cannot work is refused with its path and reason', () => {
  const refused: [object, RegExp][] = [
    [{ strategy: 'slow' }, /^environments\.p\.rollout\.strategy: is not a strategy; available: rolling, /],
    [{ batch: 0 }, /^environments\.p\.rollout\.batch: must be a number of servers/],
    [{ first: '0%' }, /^environments\.p\.rollout\.first: must be a number of servers/],
    [{ strategy: 'canary', steps: ['10%', '120%'] }, /^environments\.p\.rollout\.steps/],
    [{ strategy: 'canary', steps: ['50%', '10%'] }, /^environments\.p\.rollout\.steps: .*rise/],
    [{ strategy: 'canary', steps: [] }, /^environments\.p\.rollout\.steps/],
    [{ maxErrorRate: '100%' }, /^environments\.p\.rollout\.maxErrorRate: must be a share/],
    [
      { health: { interval: '10s', deadline: '5s' } },
      /^environments\.p\.rollout\.health\.deadline: is not longer/,
    ],
    [{ bake: 5 }, /^environments\.p\.rollout\.bake/],
  ];
  for (const [rollout, expected] of refused) {
    const parsed = configSchema.safeParse({ environments: { p: { branches: ['main'], rollout } } });
    const [issue] = parsed.error?.issues ?? [];
    assert.match(issue ? `${formatPath(issue.path as string[])}: ${issue.message}` : 'accepted', expected);
  }
});

test('what this version cannot do is refused, never ignored', () => {
  const written = { registry: { url: 'https://r.example', ca: 'x' } };
  const issues = configSchema.safeParse(written).error?.issues ?? 'accepted';
  assert.match(JSON.stringify(issues), /authority of the registry is not available/);
});

test('an environment is promoted from others that exist, and never in a circle', () => {
  const environments = {
    s: { branches: ['next'], promoteFrom: 'production' },
    production: { branches: ['main'], promoteFrom: ['s'] },
    q: { promoteFrom: 'stagin' },
    r: { promoteFrom: 'r' },
  };
  assert.deepEqual(mistakes({ environments }), [
    'environments.s.promoteFrom: goes round in a circle: s → production → s',
    'environments.production.promoteFrom: goes round in a circle: production → s → production',
    'environments.q.promoteFrom: unknown environment "stagin"',
    'environments.r.promoteFrom: goes round in a circle: r → r',
  ]);
});

test('previews are like an environment that exists, on branches of their own', () => {
  const environments = { production: { branches: ['main', 'preview/*'] } };
  assert.deepEqual(mistakes({ environments, previews: { like: 'prod', branches: 'preview/*' } }), [
    'previews.like: unknown environment "prod"',
    'previews.branches: "preview/*" already deploys to "production"',
  ]);
  assert.deepEqual(mistakes({ environments: { 'preview-x': { branches: ['x'] } } }), [
    'environments.preview-x: the name belongs to previews; choose one that does not begin with "preview-"',
  ]);
});

test('branches that git would not have are refused', () => {
  const branch = (name: string) =>
    configSchema.safeParse({ environments: { p: { branches: [name] } } }).success;
  for (const good of ['main', 'feature/x', 'release-1.2', 'v*', '*']) assert.ok(branch(good), good);
  for (const bad of [
    '',
    '-x',
    'a b',
    'a..b',
    'refs/heads/main',
    'a~1',
    'a^',
    'a:b',
    '/a',
    'a/',
    'x.lock',
    'a\nb',
    'a//b',
  ])
    assert.ok(!branch(bad), bad);
});
