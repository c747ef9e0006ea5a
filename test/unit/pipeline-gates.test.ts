import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import { openJournals } from '../../src/log/journal.ts';
import type { Deploy } from '../../src/model/deploy.ts';
import { acceptRetry, cancelDeploy } from '../../src/pipeline/accept/accept.ts';
import { planNextRelease } from '../../src/pipeline/accept/next-release.ts';
import { acceptPromotion } from '../../src/pipeline/accept/promote.ts';
import { reconcile } from '../../src/pipeline/converge/reconcile.ts';
import { decideApproval } from '../../src/pipeline/gates/approval.ts';
import { addFreeze } from '../../src/pipeline/gates/freeze.ts';
import { refuseWhenClosed } from '../../src/pipeline/gates/gate.ts';
import { lockApp, unlockApp } from '../../src/pipeline/gates/lock.ts';
import { holdForApproval, listOpenApprovals } from '../../src/store/approvals.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import {
  advanceDeploy,
  getDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  requestStop,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { listEvents } from '../../src/store/events.ts';
import { recordRelease, switchRelease } from '../../src/store/releases.ts';
import { writeSettings } from '../../src/store/settings.ts';
import { hideNothing } from '../support/hide-nothing.ts';
import { openTestLedger } from '../support/ledger.ts';

const noon = new Date('2026-11-20T12:00Z');
const environments = {
  staging: { branches: ['main'] },
  production: { promoteFrom: 'staging' },
  guarded: { branches: ['guarded'], promoteFrom: 'staging', approval: 'other' },
};

async function openWorld(t: TestContext) {
  const { db, folder } = await openTestLedger(t);
  const file = join(folder, 'deploy.config.json');
  await writeFile(file, JSON.stringify({ environments }));
  const touched: string[] = [];
  const drivers = {
    config: readConfig(file, {}),
    db,
    journals: openJournals(join(folder, 'journals'), 1_000_000, hideNothing),
    touch: async (lane: string, id: string) => void touched.push(`${lane} ${id}`),
  };
  const app = await createApp(db, 'shop', 'test');
  const make = (name: string) => ensureEnvironment(db, app, { name, domain: `${name}.localhost` });
  const [staging, production, guarded] = [
    await make('staging'),
    await make('production'),
    await make('guarded'),
  ];
  return { db, drivers, app, staging, production, guarded, touched };
}

type World = Awaited<ReturnType<typeof openWorld>>;

async function push({ db }: World, environmentId: string): Promise<Deploy> {
  const id = await reserveDeployId(db);
  const rest = { kind: 'push', actor: 'ada', options: {}, source: null, fromReleaseId: null } as const;
  return recordDeploy(db, { id, environmentId, supersede: true, ...rest });
}

/** As the lanes do it. */
async function take({ db }: World, deploy: Deploy): Promise<Deploy> {
  const epoch = await nextEpoch(db, deploy.environmentId);
  assert.ok(await holdDeploy(db, deploy.id, epoch));
  return { ...deploy, epoch };
}

async function release({ db }: World, deploy: Deploy, more: object = {}) {
  return recordRelease(db, {
    environmentId: deploy.environmentId,
    image: { repository: 'hawser/x', digest: `sha256:${deploy.id}` },
    config: {},
    defaults: {},
    domains: [],
    processes: [{ type: 'web', command: null, quantity: null }],
    releaseCommand: ['sh', '-c', 'migrate'],
    port: 8080,
    health: null,
    resources: { memory: 1, cpus: 1, pids: 1 },
    commit: 'a'.repeat(40),
    author: 'Ada',
    message: 'a change',
    actor: 'ada',
    deployId: deploy.id,
    rollbackOf: null,
    imageDeployId: deploy.id,
    promotedFrom: null,
    ...more,
  });
}

async function goLive(world: World, deploy: Deploy, more: object = {}) {
  const held = await take(world, deploy);
  const made = await release(world, deploy, more);
  await advanceDeploy(world.db, held, { release_id: made.id });
  await switchRelease(world.db, held, made);
  await advanceDeploy(world.db, held, { state: 'live' });
  return made;
}

function isFailure(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}

const ask = (options: Deploy['options'] = {}, kind: Deploy['kind'] = 'push') => ({
  kind,
  options,
  actor: 'ada',
});

test('a lock is of the whole app or of one environment, and ends by itself', async (t) => {
  const { db, app, staging, production } = await openWorld(t);
  const wish = { app, message: 'moving', force: false, actor: 'ada' };
  await lockApp({ ...wish, env: 'production', forMs: 60_000 }, db, noon);
  const at = (environment: typeof staging, ms: number) =>
    refuseWhenClosed(db, { app, environment }, ask({}, 'rollback'), new Date(noon.getTime() + ms));
  await at(staging, 0);
  await assert.rejects(at(production, 59_999), isFailure('app_locked'));
  await at(production, 60_000);
  await lockApp({ ...wish, env: null, forMs: null }, db, noon);
  await assert.rejects(at(staging, 1e12), isFailure('app_locked'));
  await assert.rejects(
    lockApp({ ...wish, env: null, forMs: null, actor: 'bob' }, db, noon),
    isFailure('already_locked'),
  );
  await lockApp({ ...wish, env: null, forMs: 1_000, message: 'longer' }, db, noon);
  await lockApp({ ...wish, env: null, forMs: null, actor: 'bob', force: true }, db, noon);
  await unlockApp({ app, env: null, actor: 'ada' }, db, noon);
  await assert.rejects(unlockApp({ app, env: null, actor: 'ada' }, db, noon), isFailure('not_locked'));
});

test('a freeze is of all apps, of one, or of one environment; a rollback passes and a reason is kept', async (t) => {
  const { db, app, staging, production } = await openWorld(t);
  const other = await createApp(db, 'blog', 'test');
  const window = { window: 'Fri 08:00-Mon 08:00', zone: 'UTC', reason: 'weekend' };
  const place = { app, environment: production };
  await addFreeze({ ...window, appId: app.id, env: 'production' }, 'ada', db, noon);
  await refuseWhenClosed(db, { app, environment: staging }, ask(), noon);
  await assert.rejects(refuseWhenClosed(db, place, ask(), noon), isFailure('frozen'));
  await refuseWhenClosed(db, place, ask({}, 'rollback'), noon);
  await refuseWhenClosed(db, place, ask(), new Date('2026-11-23T08:00Z'));
  await refuseWhenClosed(db, place, ask({ overrideFreeze: 'it burns' }), noon);
  const [event] = await listEvents(db, { appId: app.id, limit: 1 });
  assert.deepEqual([event?.action, event?.detail], ['freeze:override', 'push in freeze 1: it burns']);
  await addFreeze({ ...window, appId: null, env: null }, 'ada', db, noon);
  const blog = { app: other, environment: production };
  await assert.rejects(refuseWhenClosed(db, blog, ask(), noon), isFailure('frozen'));
  const wrong = { ...window, appId: null, env: null };
  await assert.rejects(
    addFreeze({ ...wrong, zone: 'Europe/Berlyn' }, 'ada', db, noon),
    /did you mean "Europe\/Berlin"/,
  );
  await assert.rejects(
    addFreeze({ ...wrong, window: 'weekends' }, 'ada', db, noon),
    isFailure('freeze_invalid'),
  );
});

test('a built deploy is held with its question, is passed over, and goes on when somebody else says yes', async (t) => {
  const world = await openWorld(t);
  const { db, drivers, guarded, touched } = world;
  const built = await take(world, await push(world, guarded.id));
  await holdForApproval(db, built, (await release(world, built)).id);
  const waiting = await getDeploy(db, built.id);
  assert.deepEqual([waiting.state, waiting.hold], ['releasing', 'approval']);
  assert.equal((await listOpenApprovals(db, [guarded.id])).length, 1);
  await reconcile({ ...drivers } as never);
  assert.deepEqual(touched, []);
  const wish = { deploy: waiting, verdict: 'granted', reason: null } as const;
  await assert.rejects(decideApproval({ ...wish, actor: 'ada' }, drivers), isFailure('approval_by_other'));
  const granted = await decideApproval({ ...wish, actor: 'bob' }, drivers);
  assert.deepEqual([granted.state, granted.hold], ['releasing', null]);
  assert.deepEqual(touched, [`rollout ${guarded.id}`]);
  await reconcile({ ...drivers } as never);
  assert.deepEqual(touched.length, 2);
  await assert.rejects(decideApproval({ ...wish, actor: 'bob' }, drivers), isFailure('approval_not_waiting'));
});

test('one that was asked to stop while it was published is not held', async (t) => {
  const world = await openWorld(t);
  const { db, guarded } = world;
  const built = await take(world, await push(world, guarded.id));
  await advanceDeploy(db, built, { state: 'publishing' });
  await requestStop(db, built.id, 'bob');
  const made = await release(world, built);
  await assert.rejects(holdForApproval(db, built, made.id), isFailure('cancelled'));
  assert.equal((await getDeploy(db, built.id)).state, 'publishing');
  assert.equal((await listOpenApprovals(db, [guarded.id])).length, 0);
});

test('a worker that lost its lane holds nothing', async (t) => {
  const world = await openWorld(t);
  const stale = await take(world, await push(world, world.guarded.id));
  await take(world, stale);
  const made = await release(world, stale);
  await assert.rejects(holdForApproval(world.db, stale, made.id), isFailure('lease_lost'));
  assert.equal((await listOpenApprovals(world.db, [world.guarded.id])).length, 0);
});

test('a waiting one is denied, cancelled or superseded at once, by nobody else afterwards', async (t) => {
  const world = await openWorld(t);
  const { db, drivers, guarded } = world;
  const hold = async () => {
    const built = await take(world, await push(world, guarded.id));
    await holdForApproval(db, built, (await release(world, built)).id);
    return getDeploy(db, built.id);
  };
  const denied = await hold();
  const wish = { deploy: denied, verdict: 'denied', actor: 'ada', reason: 'too late' } as const;
  const ended = await decideApproval(wish, drivers);
  assert.deepEqual([ended.state, ended.failureCode], ['failed', 'approval_denied']);
  assert.equal(ended.failureMessage, 'Denied by ada: too late');
  const cancelled = await cancelDeploy(await hold(), 'bob', drivers);
  assert.deepEqual([cancelled.state, cancelled.stopRequest, cancelled.hold], ['cancelled', null, null]);
  const older = await hold();
  await push(world, guarded.id);
  const { state, hold: held } = await getDeploy(db, older.id);
  assert.deepEqual([state, held], ['superseded', null]);
  const late = { ...wish, deploy: older, verdict: 'granted', actor: 'bob' } as const;
  await assert.rejects(decideApproval(late, drivers), isFailure('approval_not_waiting'));
});

test('what was closed while it waited is closed when it is granted', async (t) => {
  const world = await openWorld(t);
  const { db, drivers, app, guarded } = world;
  const built = await take(world, await push(world, guarded.id));
  await holdForApproval(db, built, (await release(world, built)).id);
  await addFreeze(
    { window: '00:00-24:00', zone: 'UTC', reason: 'r', appId: app.id, env: null },
    'ada',
    db,
    noon,
  );
  const wish = {
    deploy: await getDeploy(db, built.id),
    verdict: 'granted',
    actor: 'bob',
    reason: null,
  } as const;
  await assert.rejects(decideApproval(wish, drivers), isFailure('frozen'));
  assert.equal((await getDeploy(db, built.id)).hold, 'approval');
  await decideApproval({ ...wish, overrideFreeze: 'it burns' }, drivers);
  assert.equal((await getDeploy(db, built.id)).hold, null);
});

test('a promotion takes image and command of the push, and numbers, variables and domains of its own place', async (t) => {
  const world = await openWorld(t);
  const { db, drivers, app, staging, production } = world;
  const pushed = await goLive(world, await push(world, staging.id));
  const scaled = { releaseCommand: null, imageDeployId: pushed.deployId, image: pushed.image };
  const processes = [{ type: 'web', command: null, quantity: 4, usual: null }];
  const changed = await goLive(world, await push(world, staging.id), {
    ...scaled,
    processes,
    config: { A: 'staging' },
  });
  const wish = { app, from: null, to: 'production', actor: 'ada', expected: null, overrideFreeze: undefined };
  await assert.rejects(acceptPromotion(wish, drivers), isFailure('config_key_missing'));
  await writeSettings(db, production.id, { vars: { A: 'production' }, scale: {} });
  await assert.rejects(acceptPromotion({ ...wish, expected: 1 }, drivers), isFailure('promotion_outdated'));
  const deploy = await acceptPromotion({ ...wish, expected: changed.version }, drivers);
  assert.deepEqual([deploy.kind, deploy.state, deploy.hold], ['promote', 'queued', null]);
  const next = await planNextRelease(deploy, drivers);
  assert.deepEqual(next.image, pushed.image);
  assert.deepEqual(next.config, { A: 'production' });
  assert.deepEqual(next.releaseCommand, ['sh', '-c', 'migrate']);
  assert.deepEqual(next.processes, [{ type: 'web', command: null, quantity: null }]);
  assert.deepEqual([next.domains, next.promotedFrom], [['production.localhost'], changed.id]);
});

test('a promotion that is done again asks again, and brings no old reason along', async (t) => {
  const world = await openWorld(t);
  const { db, drivers, app, staging } = world;
  await goLive(world, await push(world, staging.id));
  const wish = { app, from: null, to: 'guarded', actor: 'ada', expected: null };
  const deploy = await acceptPromotion({ ...wish, overrideFreeze: 'it burns' }, drivers);
  assert.deepEqual([deploy.state, deploy.hold], ['queued', 'approval']);
  await decideApproval({ deploy, verdict: 'denied', actor: 'bob', reason: 'no' }, drivers);
  const again = await acceptRetry(await getDeploy(db, deploy.id), 'ada', drivers);
  assert.deepEqual([again.hold, again.options], ['approval', {}]);
});
