import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type JudgeLimits, judgeTraffic, planWindow } from '../../src/route/judge.ts';
import type { BackendTraffic } from '../../src/route/load-balancer.ts';
import { planShares } from '../../src/route/shares.ts';

const relative: JudgeLimits = { maxErrorRate: null, maxLatencyMs: null, minRequests: 20 };
const windowOf = (requests: number, errors: number, latencyMs = 20) => ({ requests, errors, latencyMs });

test('errors are judged by the limit, and by the old release where there is none', () => {
  const cases: [fresh: [number, number], old: [number, number], limit: number | null, verdict: string][] = [
    [[310, 16], [2790, 0], 0.01, 'bad'],
    [[310, 16], [2790, 0], 0.1, 'good'],
    [[310, 0], [2790, 0], 0, 'good'],
    [[310, 1], [2790, 0], 0, 'bad'],
    [[310, 16], [2790, 0], null, 'bad'],
    // What fails in the old one as well is no news.
    [[310, 16], [2790, 145], null, 'good'],
    [[310, 31], [2790, 145], null, 'bad'],
    // Below 5 errors it may be chance, whatever the share.
    [[30, 4], [270, 0], null, 'good'],
    [[30, 5], [270, 0], null, 'bad'],
    // 8 of 60 beside 60 of 600 is a difference that chance makes.
    [[60, 8], [600, 60], null, 'good'],
    [[1000, 15], [9000, 0], null, 'good'],
    [[100, 100], [0, 0], null, 'bad'],
    [[19, 19], [2790, 0], null, 'unclear'],
    [[0, 0], [2790, 0], 0.5, 'unclear'],
    // Tries that failed may be more than the requests were.
    [[100, 240], [900, 0], null, 'bad'],
  ];
  for (const [fresh, old, maxErrorRate, verdict] of cases) {
    const judged = judgeTraffic({
      fresh: windowOf(...fresh),
      old: windowOf(...old),
      limits: { ...relative, maxErrorRate },
    });
    assert.equal(judged.verdict, verdict, `${fresh} beside ${old}: ${judged.reason}`);
  }
});

test('latency is judged by the limit, and by the old release where there is none', () => {
  const cases: [fresh: number, old: number, limit: number | null, verdict: string][] = [
    [501, 20, 500, 'bad'],
    [500, 20, 500, 'good'],
    [221, 20, null, 'bad'],
    [220, 20, null, 'good'],
    [900, 300, null, 'good'],
    [901, 300, null, 'bad'],
    [60, 5, null, 'good'],
  ];
  for (const [fresh, old, maxLatencyMs, verdict] of cases) {
    const judged = judgeTraffic({
      fresh: windowOf(100, 0, fresh),
      old: windowOf(900, 0, old),
      limits: { ...relative, maxLatencyMs },
    });
    assert.equal(judged.verdict, verdict, judged.reason);
  }
  const alone = { fresh: windowOf(100, 0, 9_000), old: windowOf(0, 0, 0), limits: relative };
  assert.equal(judgeTraffic(alone).verdict, 'good');
});

test('the reason has the figures', () => {
  const reason = (fresh: [number, number, number], limits: Partial<JudgeLimits>) =>
    judgeTraffic({ fresh: windowOf(...fresh), old: windowOf(2790, 0), limits: { ...relative, ...limits } })
      .reason;
  assert.equal(reason([310, 16, 20], {}), '5.2% of 310 requests failed, 0.0% of 2790 before');
  assert.equal(
    reason([310, 16, 20], { maxErrorRate: 0.01 }),
    '5.2% of 310 requests failed (limit 1.0%), 0.0% of 2790 before',
  );
  assert.equal(reason([310, 0, 900], {}), 'answers came after 900 ms, after 20 ms before');
  assert.equal(reason([1, 0, 900], {}), '1 request of at least 20 came to the new release');
});

const someWindow = fc
  .record({ requests: fc.nat(5_000), share: fc.double({ min: 0, max: 1, noNaN: true }), ms: fc.nat(2_000) })
  .map(({ requests, share, ms }) => windowOf(requests, Math.floor(requests * share), ms));

test('a release that does as the old one did is never bad, and more errors never make it better', () => {
  fc.assert(
    fc.property(someWindow, someWindow, fc.nat(500), (fresh, old, more) => {
      assert.notEqual(judgeTraffic({ fresh, old: fresh, limits: relative }).verdict, 'bad');
      const worse = { ...fresh, errors: fresh.errors + more };
      const [before, after] = [fresh, worse].map(
        (each) => judgeTraffic({ fresh: each, old, limits: relative }).verdict,
      );
      assert.ok(before !== 'bad' || after === 'bad');
    }),
  );
});

const counted = (name: string, requests: number, errors5xx: number, latencyMs: number): BackendTraffic => {
  return { name, requests, errors5xx, latencyMs, sessions: 0, up: true, lastCheck: '' };
};

test('a window is what was counted since the look before, of the named backends', () => {
  const before = [counted('a', 100, 3, 10), counted('b', 50, 0, 10), counted('c', 9, 9, 9)];
  const after = [counted('a', 160, 4, 20), counted('b', 70, 0, 40), counted('c', 99, 99, 9)];
  assert.deepEqual(planWindow(before, after, ['a', 'b']), { requests: 80, errors: 1, latencyMs: 25 });
  // Started anew, it counts from zero.
  assert.deepEqual(planWindow(before, [counted('a', 7, 2, 5)], ['a']), {
    requests: 7,
    errors: 2,
    latencyMs: 5,
  });
  assert.deepEqual(planWindow([], [], ['a']), { requests: 0, errors: 0, latencyMs: 0 });
});

test('weights give the new backends their share within a point, and are the nearest where that cannot be', () => {
  const side = fc.integer({ min: 1, max: 50 });
  const percents = fc.double({ min: 0.5, max: 99.5, noNaN: true });
  fc.assert(
    fc.property(percents, side, side, (percent, fresh, old) => {
      const weights = planShares(percent, fresh, old);
      for (const weight of Object.values(weights)) {
        assert.ok(Number.isInteger(weight) && weight >= 1 && weight <= 256, `${weight}`);
      }
      const made = (100 * weights.fresh * fresh) / (weights.fresh * fresh + weights.old * old);
      const ratio = (percent * old) / ((100 - percent) * fresh);
      if (ratio > 256) assert.deepEqual(weights, { fresh: 256, old: 1 });
      else if (ratio < 1 / 256) assert.deepEqual(weights, { fresh: 1, old: 256 });
      else assert.ok(Math.abs(made - percent) < 1, `${made} of ${percent}`);
    }),
    { numRuns: 2_000 },
  );
  assert.deepEqual(planShares(10, 1, 3), { fresh: 1, old: 3 });
  assert.deepEqual(planShares(50, 2, 2), { fresh: 1, old: 1 });
});
