import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listBringing, planPart } from '../../src/rollout/part.ts';
import { isEmpty, planRollout, type World } from '../../src/rollout/plan.ts';
import { emptyWorld, makeRelease, perform, strategy, want, web } from '../support/rollout-model.ts';

const inOneGo = { ...strategy, strategy: 'all-at-once', onUnreachable: 'skip' } as const;
const wanted = (version: number, servers = ['app1', 'app2', 'app3']) =>
  want(makeRelease(version, [web]), { strategy: inOneGo, servers });
const first = perform(emptyWorld(), planRollout(wanted(1), emptyWorld()), 99);

const listRouted = ({ routed }: World) => routed.map(({ server, name }) => `${server}/${name}`).sort();

test('all parts one after the other do what the whole plan does', () => {
  const plan = planRollout(wanted(2), first);
  const world = listBringing(plan).reduce(
    (now, server) => perform(now, planPart(plan, server, first.routed), 99),
    first,
  );
  assert.deepEqual(listRouted(world), [
    'app1/shop-production-v2-web-1',
    'app2/shop-production-v2-web-2',
    'app3/shop-production-v2-web-3',
  ]);
  assert.deepEqual(
    world.servers.map((server) => server.reachable && server.containers.map(({ name }) => name)),
    [['shop-production-v2-web-1'], ['shop-production-v2-web-2'], ['shop-production-v2-web-3']],
  );
});

test('a server whose part is left out goes on serving what it served', () => {
  const plan = planRollout(wanted(2), first);
  const world = perform(first, planPart(plan, 'app2', first.routed), 99);
  assert.deepEqual(listRouted(world), [
    'app1/shop-production-v1-web-1',
    'app2/shop-production-v2-web-2',
    'app3/shop-production-v1-web-3',
  ]);
  assert.ok(!isEmpty(planRollout(wanted(2), world)), 'what is left is there at the next look');
});

test('one that moves to another server leaves the table with its new place only', () => {
  const plan = planRollout(wanted(1, ['app1', 'app2', 'app4']), {
    ...first,
    servers: [...first.servers, ...emptyWorld(['app4']).servers],
  });
  assert.deepEqual(listBringing(plan), ['app4']);
  const part = planPart(plan, 'app4', first.routed);
  assert.deepEqual(
    part.switches.flatMap(({ admit }) => admit.map(({ server }) => server)),
    ['app4'],
  );
  const names = new Set(part.switches.flatMap(({ admit }) => admit.map(({ name }) => name)));
  assert.ok(part.switches.every(({ dismiss }) => !dismiss.some((name) => names.has(name))));
  assert.ok(part.retire.every(({ name }) => names.has(name)));
});
