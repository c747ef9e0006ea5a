import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openLines } from '../../src/webhooks/lines.ts';

type Item = { readonly id: number; readonly line: string };

/** Lines over a list of items, of which each is under way until the test ends it. */
function open(items: Item[], most: number) {
  const running = new Map<number, { end: () => void; fail: (error: Error) => void }>();
  const errors: unknown[] = [];
  const done: true[] = [];
  const lines = openLines<Item>({
    most,
    lineOf: ({ line }) => line,
    list: async (busy, room) =>
      items
        .filter(({ line }, n) => items.findIndex((item) => item.line === line) === n && !busy.includes(line))
        .slice(0, room),
    perform({ id }) {
      items.splice(
        items.findIndex((item) => item.id === id),
        1,
      );
      return new Promise((resolve, reject) => {
        running.set(id, {
          end: () => resolve(void running.delete(id)),
          fail: (error) => reject(error),
        });
      });
    },
    onDone: () => void done.push(true),
    onError: (error) => void errors.push(error),
  });
  return { lines, running, errors, done: () => done.length };
}

test('of each line one is under way, of all lines no more than the most; who waits begins when one ends', async () => {
  const items = ['a', 'a', 'b', 'c', 'd'].map((line, id) => ({ id, line }));
  const { lines, running, done } = open(items, 3);
  await lines.fill();
  await lines.fill();
  assert.deepEqual([...running.keys()], [0, 2, 3]);
  running.get(2)?.end();
  await setImmediate();
  await lines.fill();
  assert.deepEqual([...running.keys()], [0, 3, 4]);
  running.get(0)?.end();
  await setImmediate();
  await lines.fill();
  assert.deepEqual([[...running.keys()], done()], [[3, 4, 1], 2]);
  for (const { end } of running.values()) end();
  await lines.settle();
  assert.equal(done(), 4 + 1);
});

test('what ends by a bug frees its line, is told, and does not begin anew at once', async () => {
  const { lines, running, errors, done } = open([{ id: 0, line: 'a' }], 1);
  await lines.fill();
  running.get(0)?.fail(new Error('a bug'));
  await lines.settle();
  assert.deepEqual([errors.map(String), done()], [['Error: a bug'], 0]);
});
