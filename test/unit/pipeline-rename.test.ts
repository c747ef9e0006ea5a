import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { namesOf } from '../../src/model/app.ts';
import type { Deploy } from '../../src/model/deploy.ts';
import { planNextRelease } from '../../src/pipeline/accept/next-release.ts';
import { renameApp } from '../../src/pipeline/rename.ts';
import { planWanted } from '../../src/pipeline/wanted.ts';
import { createApp, ensureEnvironment, findApp, findPlace, getApp } from '../../src/store/apps.ts';
import {
  advanceDeploy,
  getDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { getRelease, recordRelease, switchRelease } from '../../src/store/releases.ts';
import { listDomains } from '../../src/store/routes.ts';
import { openShop } from '../support/ledger.ts';
import { makeRelease } from '../support/rollout-model.ts';

/** An app with a release that is live in production, and nothing in staging. */
async function openWorld(t: TestContext) {
  const { db, app, environment } = await openShop(t);
  const staging = await ensureEnvironment(db, app, { name: 'staging', domain: 'shop-staging.localhost' });
  const outside = { folders: [], names: [], variables: {} };
  const quiet = { step() {}, detail() {}, size: () => 0, async [Symbol.asyncDispose]() {} };
  const drivers = {
    db,
    config: { url: 'https://deploy.example.com', domain: null, secrets: { outside } } as unknown as Config,
    touch: async () => undefined,
    journals: { write: async () => quiet } as never,
  };
  const place = async () => {
    const found = await findPlace(db, environment.id);
    assert.ok(found);
    return found;
  };
  const take = async (deploy: Deploy) => {
    const epoch = await nextEpoch(db, environment.id);
    await holdDeploy(db, deploy.id, epoch);
    return { id: deploy.id, epoch };
  };
  const goLive = async (deploy: Deploy) => {
    const held = await take(deploy);
    const release =
      deploy.kind === 'push'
        ? await recordRelease(db, {
            ...makeRelease(1, []),
            environmentId: environment.id,
            deployId: deploy.id,
          })
        : await recordRelease(db, await planNextRelease(deploy, drivers));
    await switchRelease(db, held, release);
    await advanceDeploy(db, held, { state: 'live', release_id: release.id });
    return release;
  };
  const push = async () => {
    const id = await reserveDeployId(db);
    const to = { environmentId: environment.id, fromReleaseId: null, source: null, supersede: true };
    return recordDeploy(db, { id, ...to, kind: 'push', actor: 'ada', options: {} });
  };
  const rename = async (from: string, name: string) =>
    renameApp({ app: await getApp(db, from), name, actor: 'ada' }, drivers);
  return { db, app, environment, staging, drivers, place, take, goLive, push, rename };
}

test('what runs is called as before until its change is live; domains of the pattern move, others stay', async (t) => {
  const { db, environment, staging, place, goLive, push, rename } = await openWorld(t);
  await db.insertInto('domains').values({ domain: 'shop.example', environment_id: environment.id }).execute();
  const v1 = await goLive(await push());
  const { app, deploys } = await rename('shop', 'store');
  assert.deepEqual([app.name, namesOf(app), deploys.length], ['store', ['store', 'shop'], 1]);
  assert.deepEqual([await findApp(db, 'shop'), v1.app], [undefined, 'shop']);
  assert.deepEqual(await listDomains(db, environment.id), ['shop.example', 'store.localhost']);
  assert.deepEqual(await listDomains(db, staging.id), ['store-staging.localhost']);
  const settings = { servers: ['app1'], rollout: {} } as never;
  const runs = async () =>
    planWanted(
      await place(),
      await getRelease(db, (await place()).environment.currentReleaseId ?? 0),
      settings,
    );
  assert.equal((await runs()).app, 'shop');
  const v2 = await goLive(deploys[0] as Deploy);
  assert.deepEqual([v2.app, (await runs()).app], ['store', 'store']);
  await assert.rejects(createApp(db, 'shop', 'bob'), { code: 'app_exists' });
  const back = await rename('store', 'shop');
  assert.deepEqual(namesOf(back.app), ['shop', 'store']);
});

test('a change that fails takes its domains back, and the new name stays', async (t) => {
  const { db, environment, place, take, goLive, push, rename } = await openWorld(t);
  await goLive(await push());
  const { deploys } = await rename('shop', 'store');
  const failure = { failure_code: 'not_healthy', failure_message: 'It does not answer.' };
  await advanceDeploy(db, await take(deploys[0] as Deploy), { state: 'failed', ...failure });
  assert.deepEqual(await listDomains(db, environment.id), ['shop.localhost']);
  assert.match(
    (await getDeploy(db, deploys[0]?.id ?? 0)).failureMessage ?? '',
    /Taken back: domains: -shop.localhost \+store.localhost/,
  );
  assert.equal((await place()).app.name, 'store');
});

test('nothing is renamed while a deploy is under way, or to what is taken or no name', async (t) => {
  const { db, environment, goLive, push, rename } = await openWorld(t);
  const deploy = await push();
  await assert.rejects(rename('shop', 'store'), { code: 'deploy_under_way' });
  await goLive(deploy);
  const other = await createApp(db, 'blog', 'bob');
  await assert.rejects(rename('shop', 'blog'), { code: 'app_exists' });
  await assert.rejects(rename('shop', 'shop'), { code: 'app_exists' });
  await assert.rejects(rename('shop', 'a;b'), { code: 'invalid_app_name' });
  await ensureEnvironment(db, other, { name: 'production', domain: 'store.localhost' });
  await assert.rejects(rename('shop', 'store'), { code: 'domain_taken' });
  assert.equal((await getApp(db, 'shop')).id, environment.appId);
  assert.deepEqual(await listDomains(db, environment.id), ['shop.localhost']);
  await ensureEnvironment(db, await getApp(db, 'shop'), {
    name: 'preview-x',
    domain: 'x.localhost',
    branch: 'preview/x',
  });
  await assert.rejects(rename('shop', 'other'), { code: 'app_has_previews' });
});
