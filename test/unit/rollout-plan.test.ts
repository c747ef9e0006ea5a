import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ObservedContainer, ObservedServer } from '../../src/model/container.ts';
import type { Process, Release } from '../../src/model/release.ts';
import {
  isEmpty,
  type Plan,
  planContainers,
  planRollout,
  type Wanted,
  type World,
} from '../../src/rollout/plan.ts';

const strategy = {
  strategy: 'rolling',
  first: { count: 1 },
  batch: { percent: 50 },
  onUnreachable: 'fail',
} as const;

function makeRelease(version: number, processes: readonly Process[]): Release {
  return {
    id: version,
    environmentId: 'e1',
    version,
    image: { repository: 'hawser/a1', digest: `sha256:${version}` },
    config: {},
    processes,
    releaseCommand: null,
    port: 8080,
    health: null,
    resources: { memory: 1, cpus: 1, pids: 1 },
    commit: null,
    author: null,
    message: null,
    actor: 'test',
    deployId: version,
    rollbackOf: null,
    defaults: {},
    domains: [],
    imageDeployId: 1,
    promotedFrom: null,
    wentLiveAt: null,
    createdAt: '',
  };
}

const web: Process = { type: 'web', command: null, quantity: null };
const threeServers = ['app1', 'app2', 'app3'];

function want(release: Release | null, more: Partial<Wanted> = {}): Wanted {
  return { app: 'shop', env: 'production', release, servers: threeServers, strategy, ...more };
}

function emptyWorld(servers: readonly string[] = threeServers): World {
  return { servers: servers.map((server) => ({ server, reachable: true, containers: [] })), routed: [] };
}

function toObserved(container: {
  server: string;
  name: string;
  release: number;
  process: string;
  index: number;
}) {
  const rest = { id: container.name, app: 'shop', env: 'production', deploy: 1, epoch: 1, imageId: 'i' };
  const state: ObservedContainer['state'] = 'running';
  return { ...rest, ...container, state, address: '10.0.0.1:20000' };
}

/** Servers after some of a plan's steps were performed, as the engines would show them. */
function perform(world: World, plan: Plan, cut: number): World {
  let left = cut;
  const next = () => left-- > 0;
  let servers: ObservedServer[] = [...world.servers];
  let routed = [...world.routed];
  const change = (
    name: string,
    act: (containers: readonly ObservedContainer[]) => readonly ObservedContainer[],
  ) => {
    servers = servers.map((server) =>
      server.server === name && server.reachable ? { ...server, containers: act(server.containers) } : server,
    );
  };
  for (const container of plan.start) {
    if (!next()) return { servers, routed };
    change(container.server, (present) => [
      ...present.filter((other) => other.name !== container.name),
      toObserved(container),
    ]);
  }
  for (const step of plan.switches) {
    if (!next()) return { servers, routed };
    routed = [...routed.filter((backend) => !step.dismiss.includes(backend.name)), ...step.admit];
  }
  for (const container of plan.retire) {
    if (!next()) return { servers, routed };
    change(container.server, (present) => present.filter((other) => other.name !== container.name));
  }
  return { servers, routed };
}

test('a first release starts on every server, is probed there and switched one server first', () => {
  const plan = planRollout(want(makeRelease(1, [web])), emptyWorld());
  assert.deepEqual(
    plan.start.map((container) => `${container.server}/${container.name}`),
    ['app1/shop-production-v1-web-1', 'app2/shop-production-v1-web-2', 'app3/shop-production-v1-web-3'],
  );
  assert.deepEqual(plan.probe, plan.start);
  assert.deepEqual(
    plan.switches.map((step) => step.servers),
    [['app1'], ['app2', 'app3']],
  );
  assert.deepEqual(plan.retire, []);
});

test('a second release dismisses the first one server by server and retires it at the end', () => {
  const world = perform(emptyWorld(), planRollout(want(makeRelease(1, [web])), emptyWorld()), 99);
  const plan = planRollout(want(makeRelease(2, [web])), world);
  assert.deepEqual(
    plan.switches.map((step) => step.dismiss),
    [['shop-production-v1-web-1'], ['shop-production-v1-web-2', 'shop-production-v1-web-3']],
  );
  assert.equal(plan.retire.length, 3);
});

test('quantities are spread over the servers and a process without a port is not routed', () => {
  const release = makeRelease(1, [
    { ...web, quantity: 4 },
    { type: 'worker', command: ['work'], quantity: 2 },
  ]);
  const plan = planRollout(want(release), emptyWorld());
  assert.deepEqual(
    plan.start.map((container) => `${container.process}.${container.index}@${container.server}`),
    ['web.1@app1', 'web.2@app2', 'web.3@app3', 'web.4@app1', 'worker.1@app1', 'worker.2@app2'],
  );
  assert.ok(plan.probe.every((container) => container.process === 'web'));
});

test('an unreachable server blocks the plan, or is skipped when the policy says so', () => {
  const world: World = {
    ...emptyWorld(),
    servers: [
      { server: 'app1', reachable: true, containers: [] },
      { server: 'app2', reachable: false, reason: 'no answer' },
      { server: 'app3', reachable: true, containers: [] },
    ],
  };
  const release = makeRelease(1, [web]);
  assert.deepEqual(planRollout(want(release), world).blocked, [{ server: 'app2', reason: 'no answer' }]);
  const skipping = planRollout(want(release, { strategy: { ...strategy, onUnreachable: 'skip' } }), world);
  assert.deepEqual(skipping.blocked, []);
  assert.deepEqual(skipping.skipped, [{ server: 'app2', reason: 'no answer' }]);
  assert.deepEqual(
    skipping.start.map((container) => container.server),
    ['app1', 'app3'],
  );
});

test('when no web container could run anywhere, skipping is not allowed', () => {
  const world: World = { servers: [{ server: 'app1', reachable: false, reason: 'down' }], routed: [] };
  const wanted = want(makeRelease(1, [web]), {
    servers: ['app1'],
    strategy: { ...strategy, onUnreachable: 'skip' },
  });
  assert.equal(planRollout(wanted, world).blocked.length, 1);
});

test('what a skipped server still served is dismissed, so that it never serves the old release', () => {
  const before = perform(emptyWorld(), planRollout(want(makeRelease(1, [web])), emptyWorld()), 99);
  const world: World = {
    routed: before.routed,
    servers: before.servers.map((server) =>
      server.server === 'app2' ? { server: 'app2', reachable: false as const, reason: 'down' } : server,
    ),
  };
  const plan = planRollout(
    want(makeRelease(2, [web]), { strategy: { ...strategy, onUnreachable: 'skip' } }),
    world,
  );
  assert.ok(plan.switches.at(-1)?.dismiss.includes('shop-production-v1-web-2'));
});

test('nothing wanted retires everything', () => {
  const world = perform(emptyWorld(), planRollout(want(makeRelease(1, [web])), emptyWorld()), 99);
  const plan = planRollout(want(null), world);
  assert.deepEqual(plan.start, []);
  assert.equal(plan.retire.length, 3);
  assert.equal(plan.switches.flatMap((step) => step.dismiss).length, 3);
});

const anyProcesses = fc
  .record({
    web: fc.option(fc.integer({ min: 1, max: 5 }), { nil: null }),
    worker: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ web: quantity, worker }): Process[] => [
    { type: 'web', command: null, quantity },
    { type: 'worker', command: ['work'], quantity: worker },
  ]);
const anyStrategy = fc.record({
  strategy: fc.constantFrom('rolling' as const, 'all-at-once' as const),
  first: fc.integer({ min: 1, max: 3 }).map((count) => ({ count })),
  batch: fc.oneof(
    fc.integer({ min: 1, max: 5 }).map((count) => ({ count })),
    fc.integer({ min: 1, max: 100 }).map((percent) => ({ percent })),
  ),
  onUnreachable: fc.constant('fail' as const),
});
const anyWorld = fc.record({
  servers: fc
    .integer({ min: 1, max: 6 })
    .map((count) => Array.from({ length: count }, (_, i) => `app${i + 1}`)),
  before: anyProcesses,
  after: anyProcesses,
  strategy: anyStrategy,
  cut: fc.integer({ min: 0, max: 60 }),
});

test('planning after performing is empty, also when it was cut anywhere and planned again', () => {
  fc.assert(
    fc.property(anyWorld, ({ servers, before, after, strategy: how, cut }) => {
      const old = want(makeRelease(1, before), { servers, strategy: how });
      const start = perform(emptyWorld(servers), planRollout(old, emptyWorld(servers)), 999);
      const wanted = want(makeRelease(2, after), { servers, strategy: how });
      const cutWorld = perform(start, planRollout(wanted, start), cut);
      const done = perform(cutWorld, planRollout(wanted, cutWorld), 999);
      assert.ok(isEmpty(planRollout(wanted, done)));
      const names = done.servers
        .flatMap((server) => (server.reachable ? server.containers : []))
        .map((c) => c.name);
      assert.deepEqual(
        names.sort(),
        planContainers(wanted)
          .map((container) => container.name)
          .sort(),
      );
    }),
    { numRuns: 500 },
  );
});

test('a revert after any cut brings back exactly the release before', () => {
  fc.assert(
    fc.property(anyWorld, ({ servers, before, after, strategy: how, cut }) => {
      const old = want(makeRelease(1, before), { servers, strategy: how });
      const start = perform(emptyWorld(servers), planRollout(old, emptyWorld(servers)), 999);
      const plan = planRollout(want(makeRelease(2, after), { servers, strategy: how }), start);
      const beforeRetire = Math.min(cut, plan.start.length + plan.switches.length);
      const failed = perform(start, plan, beforeRetire);
      const reverted = perform(failed, planRollout(old, failed), 999);
      assert.ok(isEmpty(planRollout(old, reverted)));
      assert.equal(planRollout(old, failed).start.length, 0, 'the old containers still run');
    }),
    { numRuns: 500 },
  );
});

test('what is routed was probed or routed before, and something is routed at every moment', () => {
  fc.assert(
    fc.property(anyWorld, ({ servers, before, after, strategy: how }) => {
      const old = want(makeRelease(1, before), { servers, strategy: how });
      const start = perform(emptyWorld(servers), planRollout(old, emptyWorld(servers)), 999);
      const plan = planRollout(want(makeRelease(2, after), { servers, strategy: how }), start);
      const probed = new Set(plan.probe.map((container) => container.name));
      let routed = start.routed.map((backend) => backend.name);
      for (const step of plan.switches) {
        assert.ok(step.admit.every((container) => probed.has(container.name)));
        routed = [...routed.filter((name) => !step.dismiss.includes(name)), ...step.admit.map((c) => c.name)];
        assert.ok(routed.length > 0);
      }
      const dismissed = new Set(plan.switches.flatMap((step) => step.dismiss));
      for (const container of plan.retire) {
        assert.ok(container.process !== 'web' || dismissed.has(container.name), 'nothing routed is stopped');
      }
    }),
    { numRuns: 500 },
  );
});
