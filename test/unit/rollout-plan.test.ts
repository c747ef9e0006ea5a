import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { strategies } from '../../src/config/rollout-schema.ts';
import type { Process } from '../../src/model/release.ts';
import { isEmpty, planContainers, planRollout, type World } from '../../src/rollout/plan.ts';
import {
  emptyWorld,
  type Moment,
  makeRelease,
  perform,
  strategy,
  want,
  web,
} from '../support/rollout-model.ts';

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

test('a one-off command is left alone by every rollout, and goes with its environment', () => {
  const world = perform(emptyWorld(), planRollout(want(makeRelease(1, [web])), emptyWorld()), 99);
  const [first, ...others] = world.servers;
  assert.ok(first?.reachable);
  const [one] = first.containers;
  assert.ok(one);
  const run = { ...one, name: 'shop-production-v1-run-7', process: 'run', index: 7 };
  const servers = [{ ...first, containers: [...first.containers, run] }, ...others];
  const gone = (wanted: ReturnType<typeof want>) =>
    planRollout(wanted, { ...world, servers }).retire.map(({ process }) => process);
  assert.deepEqual(gone(want(makeRelease(1, [web]))), []);
  assert.deepEqual(gone(want(makeRelease(2, [web]))), ['web', 'web', 'web']);
  const recreate = want(makeRelease(2, [web]), { strategy: { ...strategy, strategy: 'recreate' } });
  assert.equal(planRollout(recreate, { ...world, servers }).clear?.stop.includes(run), false);
  assert.equal(gone({ ...want(makeRelease(1, [web])), release: null }).includes('run'), true);
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

test('a backend whose container was started anew with another port is probed and routed there', () => {
  const wanted = want(makeRelease(1, [web]), { strategy: { ...strategy, strategy: 'all-at-once' } });
  const before = perform(emptyWorld(), planRollout(wanted, emptyWorld()), 99);
  const lookWith = (port: number): World => ({
    ...before,
    routed: before.routed.map((backend) => ({ ...backend, address: '10.0.0.1:20000' })),
    recorded: before.routed.map(({ name, server }) => ({
      name,
      server,
      port: server === 'app2' ? port : 20_000,
    })),
  });
  assert.ok(isEmpty(planRollout(wanted, lookWith(20_000))));
  const plan = planRollout(wanted, lookWith(20_001));
  const moved = ['shop-production-v1-web-2'];
  assert.deepEqual([plan.start, plan.retire], [[], []]);
  assert.deepEqual(
    plan.probe.map(({ name }) => name),
    moved,
  );
  const [step, ...more] = plan.switches;
  assert.deepEqual([step?.admit.map(({ name }) => name), step?.dismiss, more], [moved, [], []]);
  assert.deepEqual(Object.values(step?.weights ?? {}), [100, 100, 100]);
  const gone = planRollout(want(null), lookWith(20_001));
  assert.equal(gone.switches.flatMap(({ dismiss }) => dismiss).length, 3);
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
  strategy: fc.constantFrom(...strategies),
  steps: fc.constantFrom([10, 50], [1], [25, 50, 75, 99]),
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
      const cleared = plan.clear === null ? 0 : plan.clear.stop.length + 1;
      const beforeRetire = Math.min(cut, cleared + plan.start.length + plan.switches.length);
      const failed = perform(start, plan, beforeRetire);
      const again = how.strategy === 'recreate' ? how.strategy : ('all-at-once' as const);
      const back = { ...old, strategy: { ...how, strategy: again } };
      const reverted = perform(failed, planRollout(back, failed), 999);
      assert.ok(isEmpty(planRollout(old, reverted)));
      assert.deepEqual(
        reverted.routed.toSorted((one, other) => one.name.localeCompare(other.name)),
        start.routed.toSorted((one, other) => one.name.localeCompare(other.name)),
      );
      if (plan.clear !== null) return;
      assert.equal(planRollout(back, failed).start.length, 0, 'the old containers still run');
    }),
    { numRuns: 500 },
  );
});

test('what is routed was probed or routed before and runs, and something is routed at every moment', () => {
  fc.assert(
    fc.property(anyWorld, ({ servers, before, after, strategy: how, cut }) => {
      const old = want(makeRelease(1, before), { servers, strategy: how });
      const start = perform(emptyWorld(servers), planRollout(old, emptyWorld(servers)), 999);
      const wanted = want(makeRelease(2, after), { servers, strategy: how });
      const plan = planRollout(wanted, start);
      const probed = new Set([...plan.probe, ...start.routed].map((container) => container.name));
      const look = ({ running, routed }: Moment) => {
        const names = new Set(running.map((container) => container.name));
        assert.ok(
          routed.every(({ name }) => probed.has(name) && (how.strategy === 'recreate' || names.has(name))),
        );
        assert.ok(routed.every(({ weight }) => weight >= 1 && weight <= 256));
        assert.ok(how.strategy === 'recreate' || routed.length > 0);
        const releases = new Set(running.map((container) => container.release));
        assert.ok(how.strategy !== 'recreate' || releases.size < 2, 'never two releases at once');
      };
      const cutWorld = perform(start, plan, cut, look);
      perform(cutWorld, planRollout(wanted, cutWorld), 999, look);
    }),
    { numRuns: 500 },
  );
});

test('a canary that is gone on with after any kill never gives the new release less than it had', () => {
  fc.assert(
    fc.property(anyWorld, fc.boolean(), ({ servers, before, after, strategy: how }, isOver) => {
      const canary = { ...how, strategy: 'canary' as const };
      const old = want(makeRelease(1, before), { servers, strategy: canary });
      const start = perform(emptyWorld(servers), planRollout(old, emptyWorld(servers)), 999);
      const wanted = want(makeRelease(2, after), { servers, strategy: canary });
      const plan = planRollout(wanted, start);
      plan.switches.forEach((step, index) => {
        if (step.share === null) return;
        const world = perform(start, plan, plan.start.length + index + 1);
        const progress = { servers: [...step.servers], share: step.share, isOver };
        const rest = planRollout({ ...wanted, progress }, world);
        assert.deepEqual(
          rest.switches.map(({ share }) => share),
          plan.switches.slice(index + (isOver ? 1 : 0)).map(({ share }) => share),
        );
        assert.ok(isEmpty(planRollout(wanted, perform(world, rest, 999))));
      });
    }),
    { numRuns: 300 },
  );
});
