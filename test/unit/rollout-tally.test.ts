import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addLook, beginTally, judgeTally } from '../../src/rollout/tally.ts';
import type { BackendTraffic } from '../../src/route/load-balancer.ts';

const limits = { maxErrorRate: null, maxLatencyMs: null, minRequests: 50 };
const isFresh = (name: string) => name.startsWith('new');

function row(name: string, requests: number, errors5xx = 0, latencyMs = 5): BackendTraffic {
  return { name, requests, errors5xx, latencyMs, sessions: 0, up: true, lastCheck: 'L7OK' };
}

test('only what was counted since the step is judged', () => {
  const begun = beginTally([row('old-1', 1000), row('new-1', 500, 400)], isFresh);
  const tally = addLook(begun, [row('old-1', 1900, 0), row('new-1', 600, 400)]);
  assert.deepEqual(tally.fresh, { requests: 100, errors: 0, latencyMs: 5 });
  assert.deepEqual(tally.old, { requests: 900, errors: 0, latencyMs: 5 });
  assert.equal(judgeTally(tally, limits).verdict, 'good');
});

test('a load balancer that was started anew in the middle loses nothing that was seen', () => {
  let tally = beginTally([row('old-1', 1000)], isFresh);
  tally = addLook(tally, [row('old-1', 1500), row('new-1', 60, 6)]);
  tally = addLook(tally, null);
  tally = addLook(tally, [row('old-1', 400), row('new-1', 40, 4)]);
  assert.deepEqual([tally.fresh.requests, tally.fresh.errors, tally.old.requests], [100, 10, 900]);
  const { verdict, reason } = judgeTally(tally, limits);
  assert.equal(verdict, 'bad');
  assert.match(reason, /10\.0% of 100 requests failed, 0\.0% of 900 before/);
});

test('a release that took over all of it is compared with what the old one did until then', () => {
  const always = beginTally([row('old-1', 1000, 40)], isFresh);
  const same = addLook(always, [row('old-1', 1000, 40), row('new-1', 1000, 42)]);
  assert.equal(judgeTally(same, limits).verdict, 'good');
  const never = beginTally([row('old-1', 1000, 0)], isFresh);
  const worse = addLook(never, [row('old-1', 1000, 0), row('new-1', 1000, 42)]);
  assert.equal(judgeTally(worse, limits).verdict, 'bad');
});

test('without counters from before, the first that come are where it begins', () => {
  const tally = addLook(beginTally(null, isFresh), [row('new-1', 1000, 1000)]);
  assert.equal(tally.fresh.requests, 0);
  assert.equal(judgeTally(tally, limits).verdict, 'unclear');
});
