import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planApply } from '../../src/config/difference.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { configSchema } from '../../src/config/schema.ts';

const read = (content: unknown) =>
  resolveConfig(configSchema.parse(content), '/c/deploy.config.json', (path) => path);

test('the same file is no difference', () => {
  assert.deepEqual(planApply(read({}), read({ data: './data' })), { lines: [], restart: [] });
});

test('changes are told in the words of the file, whole entries in one line', () => {
  const running = read({
    servers: { a: { ssh: 'u@h1' }, b: { ssh: 'u@h2' } },
    environments: { production: {}, old: {} },
  });
  const next = read({
    servers: { a: { ssh: 'u@h1:2222' }, c: { ssh: 'u@h3' } },
    environments: { production: { branches: ['main'], servers: ['a'], rollout: { drain: '30s' } } },
    limits: { push: '1g', user: { disk: '1g' } },
  });
  const { lines, restart } = planApply(running, next);
  assert.deepEqual(lines, [
    '- environments.old',
    '~ environments.production.branches: (none) → main',
    '~ environments.production.rollout.drain: 10s → 30s',
    '~ environments.production.servers: a, b → a',
    '~ limits.push: 500m → 1g',
    '~ limits.user.disk: 20g → 1g',
    '~ servers.a.port: 22 → 2222',
    '- servers.b',
    '+ servers.c',
  ]);
  assert.deepEqual(restart, []);
});

test('what only a restart brings into effect is named', () => {
  const { restart } = planApply(
    read({}),
    read({ listen: { http: '127.0.0.1:1' }, builders: { concurrency: 2, cpus: 4 } }),
  );
  assert.deepEqual(restart, ['listen', 'builders.concurrency']);
});

test('secrets are told as changed, never shown', () => {
  const registry = { url: 'https://r.example', username: 'u' };
  const { lines } = planApply(
    read({ registry: { ...registry, password: 'old-secret' }, redis: 'redis://:pw1@h' }),
    read({ registry: { ...registry, password: 'new-secret' }, redis: 'redis://:pw2@h' }),
  );
  assert.deepEqual(lines, ['~ redis.url: changed (not shown)', '~ registry.password: changed (not shown)']);
  const fromNothing = planApply(
    read({}),
    read({ registry: { ...registry, password: 'new-secret' } }),
  ).lines.join('\n');
  assert.ok(!fromNothing.includes('new-secret'));
});
