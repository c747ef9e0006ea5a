import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullImageName, planServiceSpec, planServiceVariable } from '../../src/build/backing/spec.ts';
import { explainExit } from '../../src/build/check.ts';
import { parseInspect } from '../../src/fleet/container.ts';
import type { ContainerInspect } from '../../src/fleet/docker.ts';
import type { Service } from '../../src/model/manifest.ts';

const service: Service = {
  name: 'big-store',
  image: 'postgres',
  env: { POSTGRES_PASSWORD: '{password}', BRACES: '{"a":1}' },
  port: 5432,
  command: ['postgres', '-p', '{port}'],
  url: 'postgres://postgres:{password}@{host}:{port}/{host}',
  ready: null,
};
const options = {
  owner: 'hawser-check-e1-7-3',
  password: 'secret',
  network: 'hawser-check-e1-7-3',
  labels: { 'hawser.app': 'shop', 'hawser.env': 'production', 'hawser.check': 'e1' },
  resources: { memory: 2 ** 28, cpus: 0.5, pids: 100 },
  restart: 'no',
} as const;

test('a service is a hardened container under its own name in its network', () => {
  const spec = planServiceSpec(service, options);
  assert.equal(spec.name, 'hawser-check-e1-7-3-big-store');
  assert.equal(spec.Image, 'postgres:latest');
  assert.deepEqual(spec.Cmd, ['postgres', '-p', '5432']);
  assert.deepEqual(spec.Env, ['POSTGRES_PASSWORD=secret', 'BRACES={"a":1}', 'HAWSER_PASSWORD=secret']);
  assert.deepEqual(spec.NetworkingConfig?.EndpointsConfig, { [options.network]: { Aliases: ['big-store'] } });
  const host = spec.HostConfig;
  assert.deepEqual([host?.NetworkMode, host?.Privileged, host?.CapDrop], [options.network, false, ['ALL']]);
  assert.deepEqual(host?.SecurityOpt, ['no-new-privileges']);
  assert.deepEqual([host?.Memory, host?.NanoCpus, host?.PidsLimit], [2 ** 28, 5e8, 100]);
  assert.deepEqual([host?.PortBindings, host?.RestartPolicy], [{}, { Name: 'no' }]);
});

test('no rollout takes a service for a container of a release', () => {
  const { name, Labels, Image } = planServiceSpec(service, options);
  const inspect = {
    Id: 'x',
    Name: name,
    Config: { Labels, Image },
    HostConfig: {},
    State: { Status: 'running', Running: true },
    Image: 'sha256:x',
  };
  assert.equal(parseInspect('app1', inspect as unknown as ContainerInspect), null);
});

test('the label tells a service from what it was before app.json changed, whatever its password', () => {
  const label = (change: Partial<Service>, password = 'secret') =>
    planServiceSpec({ ...service, ...change }, { ...options, password }).Labels?.['hawser.definition'];
  assert.equal(label({}), label({}, 'another'));
  for (const change of [{ image: 'postgres:17' }, { env: {} }, { port: 1 }, { command: null }]) {
    assert.notEqual(label({}), label(change), JSON.stringify(change));
  }
});

test('the variable is named by the service, its URL filled in', () => {
  assert.deepEqual(planServiceVariable(service, 'p'), [
    'BIG_STORE_URL',
    'postgres://postgres:p@big-store:5432/big-store',
  ]);
});

for (const [image, full] of [
  ['redis', 'redis:latest'],
  ['redis:7', 'redis:7'],
  ['registry.example:5000/team/redis', 'registry.example:5000/team/redis:latest'],
  ['registry.example:5000/team/redis:7', 'registry.example:5000/team/redis:7'],
  ['redis@sha256:00', 'redis@sha256:00'],
  ['abcdef123456', 'abcdef123456:latest'],
] as const) {
  test(`the image ${image} is ${full}`, () => assert.equal(fullImageName(image), full));
}

test('how tests ended is told with their last words; what the kernel killed was too large', () => {
  const memory = { memory: 2 ** 26 };
  assert.equal(explainExit({ exitCode: 0, oomKilled: true }, memory, ['fine']), null);
  const red = explainExit({ exitCode: 3, oomKilled: false }, memory, ['a', 'b']);
  assert.deepEqual([red?.code, red?.message], ['check_failed', 'the tests ended with exit code 3\n  a\n  b']);
  const killed = explainExit({ exitCode: 137, oomKilled: true }, memory, []);
  assert.deepEqual(
    [killed?.code, killed?.message],
    ['check_out_of_memory', 'the tests needed more than 64m of memory (builders.memory)'],
  );
});
