import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDf, parseUsage } from '../../src/fleet/disk.ts';
import type { ObservedContainer } from '../../src/model/container.ts';
import { planLeftovers } from '../../src/pipeline/prune/plan-leftovers.ts';

const container = (env: string, release: number, state: ObservedContainer['state']): ObservedContainer => ({
  server: 'app1',
  id: `${env}${release}`,
  name: `shop-${env}-v${release}-web-1`,
  app: 'shop',
  env,
  release,
  process: 'web',
  index: 1,
  deploy: release,
  epoch: 1,
  state,
  address: null,
  imageId: 'i',
});
const environment = (
  env: string,
  rest: { busy?: boolean; here?: boolean; current?: number | null } = {},
) => ({
  app: 'shop',
  env,
  current: 2,
  busy: false,
  here: true,
  ...rest,
});

test('stopped containers of old releases go; what runs, is current, busy or unknown stays', () => {
  const containers = [
    container('production', 1, 'exited'),
    container('production', 1, 'running'),
    container('production', 1, 'paused'),
    container('production', 2, 'exited'),
    container('staging', 1, 'exited'),
    container('elsewhere', 1, 'exited'),
    { ...container('production', 1, 'exited'), process: 'run' },
  ];
  const environments = [environment('production'), environment('staging', { busy: true })];
  const plan = planLeftovers({ containers, networks: [], environments });
  assert.deepEqual(plan, { containers: [containers[0]], networks: [] });
});

test('a network goes when its environment is elsewhere and nothing of it stays', () => {
  const network = (env: string) => ({ app: 'shop', env });
  const networks = ['moved', 'occupied', 'production', 'busy', 'unknown'].map(network);
  const environments = [
    environment('moved', { here: false }),
    environment('occupied', { here: false }),
    environment('production'),
    environment('busy', { here: false, busy: true }),
  ];
  const containers = [container('moved', 1, 'exited'), container('occupied', 1, 'running')];
  assert.deepEqual(planLeftovers({ containers, networks, environments }).networks, [network('moved')]);
});

test('the answer of df is read by its columns, and nothing else is taken for one', () => {
  const heading = 'Filesystem     1-blocks        Used  Available Capacity Mounted on';
  assert.deepEqual(parseDf(`${heading}\n/dev/my disk 1000 600 400 60% /var/lib/docker\n`), {
    totalBytes: 1000,
    freeBytes: 400,
  });
  assert.equal(parseDf('Welcome to this server\nno commands here\n'), null);
  assert.equal(parseDf(''), null);
});

test('what an engine did not measure counts as nothing', () => {
  const use = parseUsage({
    LayersSize: 100,
    Images: [
      { Id: 'a', RepoTags: null, Size: 70, SharedSize: -1 },
      { Id: 'b', RepoTags: ['x:1'], Size: 50, SharedSize: 20 },
    ],
    Containers: [{ SizeRw: 5 }, {}],
    Volumes: [{ UsageData: { Size: -1 } }, { UsageData: null }],
    BuildCache: [{ Size: 9, Shared: true }, { Size: 4 }],
  });
  assert.deepEqual(
    use.images.map(({ uniqueBytes }) => uniqueBytes),
    [70, 30],
  );
  assert.deepEqual(
    [use.layersBytes, use.containersBytes, use.volumesBytes, use.buildCacheBytes],
    [100, 5, 0, 4],
  );
});
