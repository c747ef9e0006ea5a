import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerSpec, networkName } from '../../src/fleet/container.ts';
import { listDifferences } from '../../src/fleet/differences.ts';
import type { ContainerInspect } from '../../src/fleet/docker.ts';

const place = { app: 'shop', env: 'production' };
const spec = containerSpec({
  wanted: {
    ...place,
    server: 'app1',
    name: 'shop-production-v1-web-1',
    release: 1,
    process: 'web',
    index: 1,
    port: 8080,
  },
  image: 'hawser/a1:abc',
  process: { type: 'web', command: ['serve'], quantity: null },
  config: { COLOR: 'blue' },
  resources: { memory: 512, cpus: 1.5, pids: 100 },
  publish: { address: '10.0.0.1', hostPort: 20_001, containerPort: 8080 },
  deploy: 1,
  epoch: 1,
  restart: 'always',
  stopTimeoutMs: 10_000,
});

/** As the engine shows what the spec made, with what the image itself brought. */
function makeInspect(config: object = {}, hostConfig: object = {}, networks: object = {}): ContainerInspect {
  return {
    Config: {
      Image: spec.Image,
      Env: ['PATH=/bin', ...(spec.Env ?? [])],
      Labels: { ...spec.Labels, maintainer: 'somebody' },
      Cmd: spec.Cmd,
      ...config,
    },
    HostConfig: { ...spec.HostConfig, Binds: null, ...hostConfig },
    NetworkSettings: { Networks: { [networkName(place.app, place.env)]: {}, ...networks } },
  } as unknown as ContainerInspect;
}

test('what the spec made does not differ from it', () => {
  assert.deepEqual(listDifferences(makeInspect(), spec), []);
});

test('each thing that a hand can change is named, and no value of it', () => {
  const cases: [ContainerInspect, string[]][] = [
    [makeInspect({ Image: 'other' }), ['image']],
    [makeInspect({ Labels: {} }), ['labels']],
    [makeInspect({ Env: ['PATH=/bin', 'COLOR=red', 'PORT=8080'] }), ['environment']],
    [makeInspect({ Cmd: ['other'] }), ['command']],
    [makeInspect({}, { PortBindings: {} }), ['port']],
    [makeInspect({}, { Memory: 1024, NanoCpus: 1, PidsLimit: 7 }), ['memory', 'cpus', 'pids']],
    [makeInspect({}, { RestartPolicy: { Name: 'no' } }), ['restart policy']],
    [makeInspect({}, { Privileged: true }), ['privileges']],
    [makeInspect({}, { Binds: ['/:/host'] }), ['privileges']],
  ];
  for (const [found, names] of cases) assert.deepEqual(listDifferences(found, spec), names);
  const alone = { ...makeInspect(), NetworkSettings: { Networks: {} } } as unknown as ContainerInspect;
  assert.deepEqual(listDifferences(alone, spec), ['network']);
});

test('a limit that the kernel does not have is nothing to mend', () => {
  assert.deepEqual(listDifferences(makeInspect({}, { Memory: 0, PidsLimit: null }), spec), []);
});
