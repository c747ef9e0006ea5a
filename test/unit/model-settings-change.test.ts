import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyChange,
  type Desired,
  describeChange,
  findStanding,
  isEmptyChange,
  planChange,
  rebaseChange,
  toWanted,
  undoChange,
  type WantedChange,
} from '../../src/model/settings-change.ts';

const now: Desired = { vars: { A: '1', B: 'b' }, scale: { web: 2 }, domains: ['shop.example'] };

test('a wish that is so already is no change', () => {
  const change = planChange(now, {
    vars: { A: '1', GONE: null },
    scale: { web: 2 },
    domains: { 'shop.example': true, 'other.example': false },
  });
  assert.equal(isEmptyChange(change), true);
  assert.equal(describeChange(change), '');
});

test('a change is told by names and marks, without a value', () => {
  const change = planChange(now, {
    vars: { A: 'secret', B: null, C: 'secret' },
    scale: { web: 3, worker: 1 },
    domains: { 'shop.example': false, 'new.example': true },
  });
  assert.equal(
    describeChange(change),
    'config: ~A -B +C, scale: web=3 worker=1, domains: +new.example -shop.example',
  );
});

test('what is undone is as it was', () => {
  const change = planChange(now, {
    vars: { A: '2', B: null, C: '' },
    scale: { web: 0 },
    domains: { 'x.example': true },
  });
  const after = applyChange(now, change);
  assert.deepEqual(after, {
    vars: { A: '2', C: '' },
    scale: { web: 0 },
    domains: ['shop.example', 'x.example'],
  });
  assert.deepEqual(undoChange(after, change), now);
});

test('what somebody else set since is not undone', () => {
  const change = planChange(now, { vars: { A: '2', C: 'c' }, scale: { web: 5 } });
  const since = { ...applyChange(now, change), vars: { A: '3', B: 'b', C: 'c' }, scale: { web: 7 } };
  assert.deepEqual(undoChange(since, change), { ...now, vars: { A: '3', B: 'b' }, scale: { web: 7 } });
  assert.equal(describeChange(findStanding(since, change)), 'config: +C');
});

test('a change on top of other settings leads to the same values, and back to the others', () => {
  const change = planChange(now, { vars: { A: '9', B: null }, domains: { 'shop.example': false } });
  const other: Desired = { vars: { A: '5' }, scale: {}, domains: ['shop.example'] };
  const rebased = rebaseChange(other, change);
  assert.equal(describeChange(rebased), 'config: ~A, domains: -shop.example');
  assert.deepEqual(undoChange(applyChange(other, rebased), rebased), other);
});

test('chains of changes: whichever fail, what is left is what the others set', () => {
  const random = makeRandom(20261121);
  for (let round = 0; round < 300; round += 1) {
    const wishes = Array.from({ length: 4 }, (_, index) => randomWish(random, String(index)));
    const fails = wishes.map(() => random() < 0.5);
    assert.deepEqual(runChain(wishes, fails), setOnly(wishes, fails), `round ${round}`);
  }
});

/** As the ledger does it: all are set at once, then each ends in its turn, and a failed one is taken back. */
function runChain(wishes: readonly WantedChange[], fails: readonly boolean[]): Desired {
  let desired = now;
  let pending = wishes.map((wish) => {
    const change = planChange(desired, wish);
    desired = applyChange(desired, change);
    return change;
  });
  for (const failed of fails) {
    const [own, ...behind] = pending;
    if (own === undefined) break;
    let base = behind.reduceRight(undoChange, desired);
    if (failed) base = undoChange(base, own);
    pending = behind.map((change) => {
      const rebased = rebaseChange(base, change);
      base = applyChange(base, rebased);
      return rebased;
    });
    desired = base;
  }
  return sort(desired);
}

function setOnly(wishes: readonly WantedChange[], fails: readonly boolean[]): Desired {
  const kept = wishes.filter((_, index) => !fails[index]);
  return sort(kept.reduce((desired, wish) => applyChange(desired, planChange(desired, wish)), now));
}

function sort({ vars, scale, domains }: Desired): Desired {
  const inOrder = <T>(values: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { vars: inOrder(vars), scale: inOrder(scale), domains: [...domains].sort() };
}

/** No two set a variable to the same, as in the product, where such a wish changes nothing and is not recorded. */
function randomWish(random: () => number, own: string): WantedChange {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return {
    vars: { [pick(['A', 'B', 'C'])]: own, [pick(['D', 'E'])]: pick(['1', null]) },
    scale: { [pick(['web', 'worker'])]: pick([1, 2]) },
    domains: { [pick(['shop.example', 'x.example'])]: pick([true, false]) },
  };
}

/** The same numbers between 0 and 1 for the same seed (a linear congruence of 32 bits). */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test('a change can be wished for again', () => {
  const wish = { vars: { A: '2', B: null }, scale: { web: 4 }, domains: { 'x.example': true } };
  assert.deepEqual(toWanted(planChange(now, wish)), wish);
});

test('what is stopped keeps its number, and is started by a number, by hand or by taking it back', () => {
  const stop = planChange(now, { stopped: { web: true } });
  assert.equal(describeChange(stop), 'stop: web');
  const stopped = applyChange(now, stop);
  assert.deepEqual([stopped.stopped, stopped.scale], [['web'], { web: 2 }]);
  assert.equal(isEmptyChange(planChange(stopped, { stopped: { web: true } })), true);
  const start = planChange(stopped, { stopped: { web: false } });
  assert.equal(describeChange(start), 'start: web');
  assert.deepEqual(applyChange(stopped, start), now);
  assert.deepEqual(undoChange(stopped, stop), now);
  assert.deepEqual(toWanted(start).stopped, { web: false });
  // To none it stays stopped; the same number as before starts it too.
  assert.deepEqual(applyChange(stopped, planChange(stopped, { scale: { web: 0 } })).stopped, ['web']);
  assert.deepEqual(applyChange(stopped, planChange(stopped, { scale: { web: 2 } })), now);
});
