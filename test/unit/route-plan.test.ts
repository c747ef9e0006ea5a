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

const nothing: ObservedTable = { slots: 64, sections: new Map(), routes: new Map(), checks: new Map() };

function serviceOf(slot: number, ...names: string[]): Service {
  const backends = names.map((name) => ({ name, server: 's', address: '10.0.0.1:80', weight: 100 }));
  return { slot, app: 'a', env: 'production', domains: [`a${slot}.localhost`], backends };
}

/** What a load balancer would hold after a change. */
function perform(
  observed: ObservedTable,
  changes: readonly Change[],
  state: ObservedBackend['state'],
): ObservedTable {
  const sections = new Map([...observed.sections].map(([section, rows]) => [section, [...rows]]));
  const routes = new Map(observed.routes);
  const checks = new Map(observed.checks);
  let slots = observed.slots;
  for (const change of changes) {
    if (change.kind === 'grow') slots = change.slots;
    else if (change.kind === 'check') checks.set(change.section, change.path);
    else if (change.kind === 'route') routes.set(change.domain, change.section);
    else if (change.kind === 'unroute') routes.delete(change.domain);
    else sections.set(change.section, turn(sections.get(change.section) ?? [], change, state));
  }
  return { slots, sections, routes, checks };
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
    { kind: 'route', domain: 'a1.localhost', section: 'empty', known: false },
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
    isChecked: fc.boolean(),
  })
  .map(({ slot, names, weight, isChecked }): Service => {
    const made = serviceOf(slot, ...names);
    const backends = made.backends.map((backend) => ({ ...backend, weight }));
    return { ...made, backends, ...(isChecked ? { check: { path: '/up' } } : {}) };
  });
const tables = fc
  .uniqueArray(service, { selector: (each) => each.slot, maxLength: 3 })
  .map((services): Table => ({ services }));

test('from any table to any other: a few steps, then nothing is left, and no service goes without a backend', () => {
  fc.assert(
    fc.property(fc.array(tables, { minLength: 1, maxLength: 5 }), (journey) => {
      let observed = nothing;
      for (const table of journey) {
        for (let step = 0; step < 6; step += 1) {
          for (const change of planChanges(table, observed)) {
            observed = perform(observed, [change], 'up');
            assertServed(table, observed);
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

/** A routed domain of the table leads to a section with something in it, or to the page. */
function assertServed(table: Table, observed: ObservedTable): void {
  for (const { domains } of table.services) {
    for (const domain of domains) {
      const section = observed.routes.get(domain) ?? 'empty';
      const live = observed.sections.get(section)?.filter((row) => row.state === 'up') ?? [];
      assert.ok(section === 'empty' || live.length > 0, `${domain} leads to ${section} with nothing in it`);
    }
  }
}
