import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutPage, makeCursor, readNumberCursor } from '../../src/api/page.ts';
import { Failure } from '../../src/failure.ts';

type Item = { readonly name: string; readonly at: number };

function readAll(items: () => readonly Item[], fields: readonly string[], limit: number): Item[] {
  const seen: Item[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 100; pages += 1) {
    const page = cutPage('things', items(), fields, { limit, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.items);
    if (page.next === null) return seen;
    cursor = page.next;
  }
  throw new Error('the list has no end');
}

const things = fc.uniqueArray(fc.record({ name: fc.string({ maxLength: 5 }), at: fc.nat(9) }), {
  selector: ({ name, at }) => `${at} ${name}`,
  maxLength: 40,
});

test('pages are the whole list, each item once and in order', () => {
  fc.assert(
    fc.property(things, fc.integer({ min: 1, max: 9 }), (items, limit) => {
      const seen = readAll(() => items, ['-at', 'name'], limit);
      assert.equal(seen.length, items.length);
      assert.deepEqual(new Set(seen), new Set(items));
      assert.ok(seen.every(({ at }, index) => index === 0 || at <= (seen[index - 1]?.at ?? 0)));
    }),
  );
});

test('what comes and goes between two pages shows nothing twice and hides nothing that stays', () => {
  fc.assert(
    fc.property(things, things, fc.integer({ min: 1, max: 5 }), (first, second, limit) => {
      let asked = 0;
      const seen = readAll(() => (asked++ % 2 === 0 ? first : second), ['at', 'name'], limit);
      const names = seen.map(({ at, name }) => `${at} ${name}`);
      assert.equal(new Set(names).size, names.length);
      const stays = first.filter(({ at, name }) => second.some((one) => one.at === at && one.name === name));
      for (const { at, name } of stays) assert.ok(names.includes(`${at} ${name}`));
    }),
  );
});

test('names are in the order that people count in', () => {
  const items = ['app10', 'app2', 'App2', 'app1'].map((name) => ({ name, at: 0 }));
  assert.deepEqual(
    readAll(() => items, ['name'], 1).map(({ name }) => name),
    ['app1', 'app2', 'App2', 'app10'],
  );
});

test('a cursor that this list did not give is refused', () => {
  const own = makeCursor('things', ['a']);
  const cut = (cursor: string) => cutPage('things', [{ name: 'b' }], ['name'], { limit: 1, cursor });
  assert.equal(cut(own).items.length, 1);
  const bad = [
    '',
    'garbage',
    `${own}x`,
    makeCursor('others', ['a']),
    makeCursor('things', ['a', 1]),
    'bnVsbA',
  ];
  const refused = (error: unknown) => error instanceof Failure && error.code === 'invalid_cursor';
  for (const cursor of bad) assert.throws(() => cut(cursor), refused, cursor);
  assert.throws(() => readNumberCursor('things', own), refused);
  assert.equal(readNumberCursor('things', makeCursor('things', [7])), 7);
});
