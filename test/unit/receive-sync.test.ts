import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { shareNext } from '../../src/receive/git/sync.ts';

test('who asks while it runs shares the next run, which begins after all of them asked', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const sync = shareNext(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  const over: string[] = [];
  const ask = (name: string) => sync('folder').then(() => over.push(name));
  const first = ask('first');
  await turn();
  const later = [ask('second'), ask('third')];
  await turn();
  assert.equal(runs.length, 1);
  runs[0]?.resolve();
  await first;
  assert.deepEqual(over, ['first']);
  await turn();
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await Promise.all(later);
  assert.deepEqual(over, ['first', 'second', 'third']);
});

test('a run that fails is told to those who asked for it, and to nobody after them', async () => {
  let runs = 0;
  const sync = shareNext(async () => {
    runs += 1;
    if (runs === 1) throw new Error('no space');
  });
  await assert.rejects(sync('folder'), /no space/);
  await sync('folder');
  assert.equal(runs, 2);
});
