import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  backendId,
  type Change,
  findWaiting,
  type ObservedBackend,
  type ObservedTable,
  planChanges,
} from '../../src/route/plan.ts';
import type { Service, Table } from '../../src/route/table.ts';

const usual = { sticky: false, maintenance: null, holding: false };

const nothing: ObservedTable = { slots: 64, sections: new Map(), routes: new Map(), notices: new Map() };

function serviceOf(slot: number, ...names: string[]): Service {
  const backends = names.map((name) => ({ name, server: 's', address: '10.0.0.1:80', weight: 100 }));
  return { slot, app: 'a', env: 'production', domains: [`a${slot}.localhost`], backends, ...usual };
}

/** What a load balancer would hold after a change. */
function perform(
  observed: ObservedTable,
  changes: readonly Change[],
  state: ObservedBackend['state'],
): ObservedTable {
  const sections = new Map([...observed.sections].map(([section, rows]) => [section, [...rows]]));
  const routes = new Map(observed.routes);
  const notices = new Map(observed.notices);
  let slots = observed.slots;
  for (const change of changes) {
    if (change.kind === 'grow') slots = change.slots;
    else if (change.kind === 'close') notices.set(change.section, change.notice);
    else if (change.kind === 'reopen') notices.delete(change.section);
    else if (change.kind === 'route') routes.set(change.domain, change.destination);
    else if (change.kind === 'unroute') routes.delete(change.domain);
    else sections.set(change.section, turn(sections.get(change.section) ?? [], change, state));
  }
  return { slots, sections, routes, notices };
}

type BackendChange = Extract<Change, { id: string }>;

function turn(
  rows: ObservedBackend[],
  change: BackendChange,
  state: ObservedBackend['state'],
): ObservedBackend[] {
  const others = rows.filter((row) => row.id !== change.id);
  const row = rows.find((each) => each.id === change.id) ?? { id: change.id, state, weight: 0, sessions: 0 };
  if (change.kind === 'forget') return others;
  if (change.kind === 'weigh') return [...others, { ...row, weight: change.weight }];
  if (change.kind === 'retire') return [...others, { ...row, state: 'retired' }];
  return [...others, { ...row, state, weight: 0 }];
}

const kinds = (changes: readonly Change[]) => changes.map((change) => change.kind);

test('a new backend is added first and gets its weight, domain and the place of the old one when it is up', () => {
  const before = perform(nothing, planChanges({ services: [serviceOf(0, 'old')] }, nothing), 'up');
  const serving = perform(before, planChanges({ services: [serviceOf(0, 'old')] }, before), 'up');
  const table = { services: [serviceOf(0, 'new')] };
  assert.deepEqual(kinds(planChanges(table, serving)), ['add']);
  const down = perform(serving, planChanges(table, serving), 'down');
  assert.deepEqual(planChanges(table, down), []);
  const up = perform(serving, planChanges(table, serving), 'up');
  assert.deepEqual(kinds(planChanges(table, up)), ['weigh', 'retire']);
});

test('a service that waits does not hold up another', () => {
  const down = perform(nothing, planChanges({ services: [serviceOf(0, 'a')] }, nothing), 'down');
  const table = { services: [serviceOf(0, 'a'), { ...serviceOf(1), backends: [] }] };
  assert.deepEqual(planChanges(table, down), [
    { kind: 'route', domain: 'a1.localhost', destination: 'empty', known: false },
  ]);
});

test('a container that moved to another port is another backend', () => {
  const [one] = serviceOf(0, 'a').backends;
  assert.ok(one);
  assert.notEqual(backendId(one), backendId({ ...one, address: '10.0.0.1:81' }));
});

test('a slot beyond those declared grows the pool by whole steps', () => {
  assert.deepEqual(planChanges({ services: [serviceOf(130, 'a')] }, nothing), [{ kind: 'grow', slots: 192 }]);
});

const service = fc
  .record({
    slot: fc.integer({ min: 0, max: 2 }),
    names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
    weight: fc.constantFrom(0, 50, 100),
    sticky: fc.boolean(),
    maintenance: fc.constantFrom(null, '', 'Back at noon.'),
    holding: fc.boolean(),
  })
  .map(({ slot, names, weight, ...more }): Service => {
    const made = serviceOf(slot, ...names);
    const backends = made.backends.map((backend) => ({ ...backend, weight }));
    return { ...made, backends, ...more };
  });
const tables = fc
  .uniqueArray(service, { selector: (each) => each.slot, maxLength: 3 })
  .map((services): Table => ({ services }));

test('from any table to any other: a few steps, then nothing is left, and no service goes without a backend', () => {
  fc.assert(
    fc.property(fc.array(tables, { minLength: 1, maxLength: 5 }), (journey) => {
      let observed = nothing;
      for (const table of journey) {
        const before = observed;
        for (let step = 0; step < 6; step += 1) {
          for (const change of planChanges(table, observed)) {
            observed = perform(observed, [change], 'up');
            assertServed(table, observed, before);
          }
        }
        assert.deepEqual(planChanges(table, observed), []);
        assert.deepEqual(
          table.services.flatMap((each) => findWaiting(each, observed)),
          [],
        );
      }
    }),
  );
});

/**
 * A domain of the table leads to a section with something in it, or to a page. It may lead to nothing when nothing is
 * wanted there, or nothing was there before.
 */
function assertServed(table: Table, observed: ObservedTable, before: ObservedTable): void {
  for (const { domains, backends } of table.services) {
    for (const domain of domains) {
      const section = observed.routes.get(domain) ?? 'empty';
      const wasDead = before.routes.get(domain) === section && !isLive(before, section);
      const isShown = section === 'empty' || observed.notices.has(section);
      const isServed = isShown || isLive(observed, section);
      assert.ok(
        isServed || wasDead || backends.length === 0,
        `${domain} leads to ${section} with nothing in it`,
      );
    }
  }
}

function isLive({ sections }: ObservedTable, section: string): boolean {
  return (sections.get(section) ?? []).some((row) => row.state === 'up');
}

test('a page is shown at once, whatever the backends do, and leaves them as they are', () => {
  const [up, down] = ['up', 'down'] as const;
  const before = { services: [serviceOf(0, 'a')] };
  let serving = perform(nothing, planChanges(before, nothing), up);
  serving = perform(serving, planChanges(before, serving), up);
  const closed = { services: [{ ...serviceOf(0, 'a'), maintenance: 'Back at noon.' }] };
  assert.deepEqual(
    planChanges(closed, serving).map((change) => ({ ...change, notice: 'notice' in change })),
    ['slot-0', 'slot-0-sticky'].map((section) => ({ kind: 'close', section, known: false, notice: true })),
  );
  const fresh = perform(nothing, planChanges(closed, nothing), down);
  assert.equal(fresh.routes.get('a0.localhost'), 'slot-0');
  assert.deepEqual(kinds(planChanges(before, perform(serving, planChanges(closed, serving), up))), [
    'reopen',
    'reopen',
  ]);
});

test('who holds leads to its own section without a backend, and everybody else to the page', () => {
  const service = { ...serviceOf(4), backends: [] };
  const route = { kind: 'route', domain: 'a4.localhost', known: false };
  assert.deepEqual(planChanges({ services: [{ ...service, holding: true }] }, nothing), [
    { ...route, destination: 'slot-4+held' },
  ]);
  assert.deepEqual(planChanges({ services: [service] }, nothing), [{ ...route, destination: 'empty' }]);
});

test('requests are told to wait before the last backend leaves, and are let go when the next one is there', () => {
  const settle = (table: Table, from: ObservedTable) => {
    const once = perform(from, planChanges(table, from), 'up');
    return perform(once, planChanges(table, once), 'up');
  };
  const holding = { services: [{ ...serviceOf(0), backends: [], holding: true }] };
  const serving = settle({ services: [serviceOf(0, 'old')] }, nothing);
  assert.deepEqual(kinds(planChanges(holding, serving)), ['route', 'retire']);
  const held = settle(holding, serving);
  const next = { services: [serviceOf(0, 'new')] };
  const prepared = perform(held, planChanges(next, held), 'up');
  assert.equal(prepared.routes.get('a0.localhost'), 'slot-0+held');
  assert.deepEqual(kinds(planChanges(next, prepared)), ['weigh', 'route']);
});
