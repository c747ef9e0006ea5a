import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutConfig } from '../../src/config.ts';
import type { Process } from '../../src/model/release.ts';
import { planGiveBack } from '../../src/rollout/give-back.ts';
import { isEmpty, planRollout, type World } from '../../src/rollout/plan.ts';
import { emptyWorld, makeRelease, perform, strategy, want, web } from '../support/rollout-model.ts';

const worker: Process = { type: 'worker', command: ['work'], quantity: 1 };
const servers = ['app1', 'app2'];
const one = 'shop-production-v1';
const two = 'shop-production-v2';

function wantBy(name: RolloutConfig['strategy'], version: number, more = {}) {
  const how = { ...strategy, strategy: name };
  return want(makeRelease(version, [web, worker]), { servers, strategy: how, ...more });
}

/** Release 1 on both servers. */
function runFirst(): World {
  const first = wantBy('all-at-once', 1);
  return perform(emptyWorld(servers), planRollout(first, emptyWorld(servers)), 999);
}

test('a canary gets its shares by weights, then all; the old release leaves only at the end', () => {
  const { switches } = planRollout(wantBy('canary', 2), runFirst());
  const told = switches.map(({ share, admit, dismiss }) => [share, admit.length, dismiss.length]);
  assert.deepEqual(told, [
    [10, 2, 0],
    [50, 0, 0],
    [null, 0, 2],
  ]);
  const shares = switches.map(({ weights }) => {
    const of = (start: string) =>
      Object.entries(weights).reduce((sum, [name, weight]) => sum + (name.startsWith(start) ? weight : 0), 0);
    return Math.round((100 * of(two)) / (of(one) + of(two)));
  });
  assert.deepEqual(shares, [10, 50, 100]);
});

test('a first release has nobody to be compared with: a canary is one switch', () => {
  const { switches } = planRollout(wantBy('canary', 1), emptyWorld(servers));
  assert.deepEqual(
    switches.map(({ share, admit }) => [share, admit.length]),
    [[null, 2]],
  );
});

for (const name of ['all-at-once', 'blue-green'] as const) {
  test(`${name} switches all servers in one step`, () => {
    const { start, switches } = planRollout(wantBy(name, 2), runFirst());
    assert.equal(start.length, 3);
    assert.equal(switches.length, 1);
    assert.deepEqual([switches[0]?.admit.length, switches[0]?.dismiss.length], [2, 2]);
  });
}

test('a step that was taken but not watched to its end is watched again, and only then gone on from', () => {
  const world = runFirst();
  const plan = planRollout(wantBy('rolling', 2), world);
  const after = perform(world, plan, plan.start.length + 1);
  const progress = { servers: ['app1'], share: null, isOver: false };
  const again = planRollout(wantBy('rolling', 2, { progress }), after);
  assert.deepEqual(
    again.switches.map((step) => [step.servers, step.admit.length, step.dismiss.length]),
    [
      [['app1'], 0, 0],
      [['app2'], 1, 1],
    ],
  );
  const over = planRollout(wantBy('rolling', 2, { progress: { ...progress, isOver: true } }), after);
  assert.deepEqual(
    over.switches.map((step) => step.servers),
    [['app2']],
  );
});

test('the last step is watched again as well', () => {
  const done = perform(runFirst(), planRollout(wantBy('blue-green', 2), runFirst()), 999);
  const progress = { servers, share: null, isOver: false };
  const { switches } = planRollout(wantBy('blue-green', 2, { progress }), done);
  assert.deepEqual(
    switches.map((step) => [step.servers, step.admit, step.dismiss]),
    [[servers, [], []]],
  );
});

test('a release that is kept stays without being routed, but for its workers; later it is retired', () => {
  const world = runFirst();
  const kept = { keep: [1] };
  const plan = planRollout(wantBy('blue-green', 2, kept), world);
  assert.deepEqual(
    plan.retire.map(({ name }) => name),
    [`${one}-worker-1`],
  );
  const done = perform(world, plan, 999);
  assert.ok(isEmpty(planRollout(wantBy('blue-green', 2, kept), done)));
  assert.ok(done.routed.every(({ name }) => name.startsWith(two)));
  assert.deepEqual(
    planRollout(wantBy('blue-green', 2), done).retire.map(({ name }) => name),
    [`${one}-web-1`, `${one}-web-2`],
  );
});

test('a rollback gives the requests back to a kept release at once, if all of it still runs', () => {
  const plan = planRollout(wantBy('blue-green', 2, { keep: [1] }), runFirst());
  const { servers: world, routed } = perform(runFirst(), plan, 999);
  const back = wantBy('blue-green', 3);
  const kept = makeRelease(1, [web, worker]);
  const step = planGiveBack(back, kept, { world, routed });
  assert.deepEqual(
    step?.admit.map(({ name }) => name),
    [`${one}-web-1`, `${one}-web-2`],
  );
  assert.deepEqual(step?.dismiss, [`${two}-web-1`, `${two}-web-2`]);
  const lost = world.map((seen) =>
    seen.reachable && seen.server === 'app2' ? { ...seen, containers: [] } : seen,
  );
  assert.equal(planGiveBack(back, kept, { world: lost, routed }), null);
});

test('recreate stops all of the old release, workers too, before anything of the new one starts', () => {
  const plan = planRollout(wantBy('recreate', 2), runFirst());
  assert.deepEqual(plan.clear?.dismiss, [`${one}-web-1`, `${one}-web-2`]);
  assert.deepEqual(
    plan.clear?.stop.map(({ name }) => name),
    [`${one}-web-1`, `${one}-worker-1`, `${one}-web-2`],
  );
  assert.deepEqual(
    plan.switches.map(({ admit, dismiss }) => [admit.length, dismiss.length]),
    [[2, 0]],
  );
});

test('recreate starts nothing while a server cannot be seen, whatever is to be skipped', () => {
  const world = runFirst();
  const unseen: World = {
    ...world,
    servers: world.servers.map((seen) =>
      seen.server === 'app2' ? { server: 'app2', reachable: false, reason: 'no answer' } : seen,
    ),
  };
  const skip = { strategy: { ...strategy, strategy: 'recreate', onUnreachable: 'skip' } };
  assert.deepEqual(
    planRollout(wantBy('recreate', 2, skip), unseen).blocked.map(({ server }) => server),
    ['app2'],
  );
  assert.deepEqual(planRollout(wantBy('recreate', 1, skip), unseen).blocked, []);
});

test('requests that are held are let go even when nothing else is left to do', () => {
  const world = { ...runFirst(), holding: true };
  const { switches } = planRollout(wantBy('recreate', 1), world);
  assert.deepEqual(
    switches.map(({ admit, dismiss }) => [admit, dismiss]),
    [[[], []]],
  );
});
