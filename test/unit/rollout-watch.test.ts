import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RolloutDrivers, WatchRules } from '../../src/rollout/drivers.ts';
import type { Switch } from '../../src/rollout/plan.ts';
import { recordProgress, type WatchedJob, watchStep } from '../../src/rollout/watch.ts';
import type { BackendTraffic } from '../../src/route/load-balancer.ts';
import {
  advanceDeploy,
  getDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { abortRollout, continueRollout } from '../../src/store/rollouts.ts';
import { openShop } from '../support/ledger.ts';
import { makeRelease } from '../support/rollout-model.ts';

const limits = { maxErrorRate: 0.02, maxLatencyMs: null, minRequests: 20 };
const step: Switch = { servers: ['app1'], admit: [], dismiss: [], share: 10, weights: {} };

/** A deploy at its first step, in a ledger of its own; each look counts 30 more requests, some of them failed. */
async function standAtStep(t: TestContext, rules: Partial<WatchRules>, { failing = 0, requests = 30 } = {}) {
  const { db, app, environment } = await openShop(t);
  const { id } = await recordDeploy(db, {
    id: await reserveDeployId(db),
    environmentId: environment.id,
    kind: 'push',
    actor: 'test',
    options: {},
    source: null,
    fromReleaseId: null,
    supersede: true,
  });
  const epoch = await nextEpoch(db, environment.id);
  await holdDeploy(db, id, epoch);
  await advanceDeploy(db, { id, epoch }, { state: 'rolling_out' });
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  let looks = 0;
  const drivers = {
    db,
    traffic: async () => {
      looks += 1;
      return [
        count('shop-production-v1-web-1', 900 * looks, 0),
        count('shop-production-v2-web-1', requests * looks, failing * looks),
      ];
    },
  } as unknown as RolloutDrivers;
  const job = {
    place: { app, environment, destroyed: false, appDestroyed: false },
    deploy: { id, epoch },
    release: makeRelease(2, []),
    watch: { bakeMs: 1_200, autoRollback: true, limits, sharesOnly: true, ...rules },
    log: { step: write, detail: write, result: write, warning: write },
    signal: new AbortController().signal,
  } as unknown as WatchedJob;
  await recordProgress(job, step, false, drivers);
  return { db, id, lines, watch: () => watchStep(job, step, [], drivers) };
}

function count(name: string, requests: number, errors5xx: number): BackendTraffic {
  return { name, requests, errors5xx, latencyMs: 5, sessions: 0, up: true, lastCheck: 'L7OK' };
}

test('a good step is over when its time is, and the log has the figures', async (t) => {
  const { db, id, lines, watch } = await standAtStep(t, {});
  assert.equal(await watch(), 'over');
  assert.deepEqual((await getDeploy(db, id)).progress, { servers: ['app1'], share: 10, isOver: true });
  assert.match(lines.join('\n'), /v2 at 10%: good, 0\.0% of \d+ requests failed/);
});

test('a bad step ends before its time', async (t) => {
  const { watch } = await standAtStep(t, { bakeMs: 3_600_000 }, { failing: 3 });
  await assert.rejects(watch(), {
    code: 'release_judged_bad',
    message: /v2 at 10% .* 10\.0% of 30 requests/,
  });
});

test('a bad step that is not to be taken back by itself waits for a person', async (t) => {
  const { db, id, lines, watch } = await standAtStep(t, { autoRollback: false }, { failing: 3 });
  assert.equal(await watch(), 'held');
  assert.equal((await getDeploy(db, id)).hold, 'rollout');
  assert.match(
    lines.join('\n'),
    /judged bad.*It is not taken back by itself; it waits: hawser deploys:continue/s,
  );
  const going = await continueRollout(db, id);
  assert.deepEqual([going.hold, going.progress?.isOver], [null, true]);
});

test('a step with too few requests goes on, and says so', async (t) => {
  const { lines, watch } = await standAtStep(t, {}, { requests: 1 });
  assert.equal(await watch(), 'over');
  assert.match(lines.join('\n'), /too little to judge it by/);
});

test('a person ends a bake by going on, and only once', async (t) => {
  const { db, id, watch } = await standAtStep(t, { bakeMs: 3_600_000 });
  const watching = watch();
  await continueRollout(db, id);
  assert.equal(await watching, 'over');
  await assert.rejects(continueRollout(db, id), { code: 'not_waiting' });
});

test('a decision that came while the step was taken is not waited for again', async (t) => {
  const { db, id, watch } = await standAtStep(t, { bakeMs: 'hold' });
  await continueRollout(db, id);
  assert.equal(await watch(), 'over');
});

test('a rollout that waits can be aborted by name, one that ended cannot', async (t) => {
  const { db, id, watch } = await standAtStep(t, { bakeMs: 'hold' });
  assert.equal(await watch(), 'held');
  const { stopRequest, failureMessage } = await abortRollout(db, id, 'ada');
  assert.deepEqual([stopRequest, failureMessage], ['cancelled', 'Aborted by ada.']);
  await assert.rejects(continueRollout(db, id), { code: 'not_waiting' });
  const { epoch } = await getDeploy(db, id);
  await advanceDeploy(db, { id, epoch }, { state: 'cancelled', failure_code: 'cancelled' });
  await assert.rejects(abortRollout(db, id, 'ada'), { code: 'already_finished' });
});
