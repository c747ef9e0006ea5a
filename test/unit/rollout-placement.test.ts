import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Place, planPlaces } from '../../src/rollout/placement.ts';
import { isEmpty, planContainers, planRollout } from '../../src/rollout/plan.ts';
import { emptyWorld, makeRelease, perform, want, web } from '../support/rollout-model.ts';

const isUnfit = () => false;
const keyOf = ({ server, index }: Place) => `${server}/${index}`;
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1 });
const quantities = fc.integer({ min: 0, max: 12 });

function counts(places: readonly Place[], servers: readonly string[]): number[] {
  return servers.map((server) => places.filter((place) => place.server === server).length);
}

test('whatever was there before, a process is spread evenly, by numbers that are each there once', () => {
  const place = fc.record({
    server: fc.constantFrom('a', 'b', 'c', 'x'),
    index: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(names, quantities, fc.array(place), (servers, quantity, present) => {
      const places = planPlaces({ servers, quantity, present, isUnfit });
      assert.equal(places.length, quantity);
      assert.equal(new Set(places.map(({ index }) => index)).size, quantity);
      const sizes = counts(places, servers);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
      const before = new Set(present.map(keyOf));
      const numbers = new Set(present.map(({ index }) => index));
      for (const each of places) assert.ok(before.has(keyOf(each)) || !numbers.has(each.index), keyOf(each));
      const again = planPlaces({ servers, quantity, present: [...present, ...places], isUnfit });
      const after = planPlaces({ servers, quantity, present: places, isUnfit });
      assert.deepEqual(after.map(keyOf).sort(), places.map(keyOf).sort());
      assert.deepEqual(counts(again, servers), sizes);
    }),
  );
});

test('with one on each server, a server that joins or leaves moves nothing on the others', () => {
  fc.assert(
    fc.property(names, names, (before, after) => {
      const present = planPlaces({ servers: before, quantity: before.length, present: [], isUnfit });
      const places = planPlaces({ servers: after, quantity: after.length, present, isUnfit });
      const stayed = new Set(places.map(keyOf));
      for (const place of present)
        assert.equal(
          stayed.has(keyOf(place)),
          after.some((name) => name === place.server),
        );
    }),
  );
});

test('one that cannot stay is replaced beside it, by another number', () => {
  const present = [
    { server: 'a', index: 1 },
    { server: 'b', index: 2 },
  ];
  const question = { servers: ['a', 'b'], quantity: 2, present };
  const places = planPlaces({ ...question, isUnfit: ({ index }) => index === 1 });
  assert.deepEqual(places.map(keyOf), ['a/3', 'b/2']);
});

test('a fourth server gets web.4 and the other three are left alone; without the second one nothing moves', () => {
  const release = makeRelease(1, [web]);
  const three = perform(emptyWorld(), planRollout(want(release), emptyWorld()), 99);
  const servers = [...three.servers, { server: 'app4', reachable: true as const, containers: [] }];
  const four = { ...three, servers };
  const all = want(release, { servers: ['app1', 'app2', 'app3', 'app4'] });
  const joined = planRollout(all, four);
  assert.deepEqual(
    joined.start.map(({ server, name }) => `${server}/${name}`),
    ['app4/shop-production-v1-web-4'],
  );
  assert.deepEqual(joined.retire, []);
  const now = perform(four, joined, 99);
  assert.ok(isEmpty(planRollout(all, now)));
  const drained = want(release, { servers: ['app1', 'app3', 'app4'] });
  const left = planRollout(drained, now);
  assert.deepEqual(left.start, []);
  assert.deepEqual(
    left.retire.map(({ server, name }) => `${server}/${name}`),
    ['app2/shop-production-v1-web-2'],
  );
  assert.ok(isEmpty(planRollout(drained, perform(now, left, 99))));
});

test('a fixed number moves off a drained server under a name that was not there', () => {
  const release = makeRelease(1, [{ ...web, quantity: 3 }]);
  const three = perform(emptyWorld(), planRollout(want(release), emptyWorld()), 99);
  const plan = planRollout(want(release, { servers: ['app1', 'app3'] }), three);
  assert.deepEqual(
    plan.start.map(({ server, name }) => `${server}/${name}`),
    ['app1/shop-production-v1-web-4'],
  );
  assert.deepEqual(
    plan.retire.map(({ server }) => server),
    ['app2'],
  );
});

test('what a server that is out of reach should run is known from the record', () => {
  const release = makeRelease(1, [{ ...web, quantity: 2 }]);
  const world = {
    ...emptyWorld(),
    recorded: [
      { server: 'app2', name: 'shop-production-v1-web-1' },
      { server: 'app2', name: 'shop-production-v2-web-9' },
    ],
  };
  assert.deepEqual(
    planContainers(want(release), world).map(({ server, index }) => `${server}/${index}`),
    ['app1/2', 'app2/1'],
  );
});
