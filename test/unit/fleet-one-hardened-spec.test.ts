import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planApart, planServiceSpec } from '../../src/build/backing/spec.ts';
import { containerSpec } from '../../src/fleet/container.ts';
import type { ContainerSpec } from '../../src/fleet/docker.ts';
import type { Release } from '../../src/model/release.ts';
import { planRunSpec } from '../../src/pipeline/runs/run.ts';
import { planSpec } from '../../src/rollout/spec.ts';
import type { Place } from '../../src/store/apps.ts';
import { readSourceFiles } from '../support/source-files.ts';

const resources = { memory: 2 ** 28, cpus: 1, pids: 99 };
const wanted = {
  server: 'app1',
  name: 'x',
  app: 'shop',
  env: 'production',
  release: 1,
  process: 'web',
  index: 1,
};
const common = { deploy: 1, epoch: 1, stopTimeoutMs: 1_000 };
const command = ['sh', '-c', 'x'];
const labels = { 'hawser.app': 'shop' };

/** One of each path on which a container of ours comes to be. */
const specs: Readonly<Record<string, ContainerSpec>> = {
  'a release': planSpec({
    place: { app: { name: 'shop' }, environment: { name: 'production' } } as Place,
    release: {
      version: 1,
      config: {},
      defaults: {},
      resources,
      processes: [{ type: 'web', command, quantity: 1 }],
    } as unknown as Release,
    container: { ...wanted, port: 80 },
    image: 'x',
    address: '10.0.0.1',
    hostPort: 20_000,
    ...common,
  }),
  'a release command': containerSpec({
    wanted: { ...wanted, process: 'release', port: null },
    image: 'x',
    process: { type: 'release', command, quantity: 1 },
    config: {},
    resources,
    publish: null,
    restart: 'no',
    ...common,
  }),
  'a one-off command': planRunSpec(
    { id: 1, container: 'x', server: 'app1' },
    {
      place: { app: { name: 'shop' }, environment: { name: 'production' } } as Place,
      command,
      input: Buffer.alloc(1),
    },
    {
      release: { version: 1, config: {}, resources, deployId: 1, commit: null } as unknown as Release,
      image: 'x',
    },
  ),
  'a check': planApart({
    name: 'x',
    image: 'x',
    command,
    env: {},
    resources,
    network: 'n',
    alias: null,
    labels,
    restart: 'no',
  }),
  'a service': planServiceSpec(
    { name: 'db', image: 'postgres', env: {}, port: 5432, command: null, url: 'x://{host}', ready: null },
    { owner: 'o', password: 'p', network: 'n', labels, resources, restart: 'always' },
  ),
};

/** Everything of HostConfig that is not the place and the size of this very container. */
const hardened = {
  Privileged: false,
  CapDrop: ['ALL'],
  CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'],
  SecurityOpt: ['no-new-privileges'],
  IpcMode: 'private',
  Binds: [],
  PublishAllPorts: false,
  Memory: resources.memory,
  MemorySwap: resources.memory,
  NanoCpus: 1e9,
  PidsLimit: resources.pids,
  Ulimits: [{ Name: 'nofile', Soft: 65_536, Hard: 65_536 }],
  Init: true,
  LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
  AutoRemove: false,
};

for (const [what, spec] of Object.entries(specs)) {
  test(`the container of ${what} has the one hardened spec and nothing beside it`, () => {
    const { NetworkMode, PortBindings, RestartPolicy, ...rest } = spec.HostConfig ?? {};
    assert.deepEqual(rest, hardened);
    assert.doesNotMatch(NetworkMode ?? '', /^(?:host|bridge|none|container:.*|default|)$/);
    assert.match(RestartPolicy?.Name ?? '', /^(?:always|no)$/);
    for (const [{ HostIp }] of Object.values(PortBindings as Record<string, [{ HostIp: string }]>))
      assert.equal(HostIp, '10.0.0.1');
    assert.equal(spec.Tty, false);
    assert.equal(spec.Volumes, undefined);
    assert.deepEqual(spec.Healthcheck, { Test: ['NONE'] });
  });
}

test('no other file makes a spec or a container, and none of ours mounts the engine', () => {
  const files = readSourceFiles('src/**/*.ts').map(({ path, text }) => ({ path, text }));
  const having = (pattern: RegExp) => files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
  assert.deepEqual(having(/HostConfig: [{p]/), ['src/build/backing/spec.ts', 'src/fleet/container.ts']);
  assert.deepEqual(having(/docker\.createContainer\(|\.docker\.run\(/), ['src/fleet/create.ts']);
  assert.deepEqual(having(/\bcontainerSpec\(\{/), [
    'src/api/docker-spec.ts',
    'src/build/backing/spec.ts',
    'src/pipeline/runs/run.ts',
    'src/rollout/release-command.ts',
    'src/rollout/spec.ts',
  ]);
  assert.deepEqual(having(/Privileged: true|Binds: \[[^\]]|docker\.sock:/), []);
});
