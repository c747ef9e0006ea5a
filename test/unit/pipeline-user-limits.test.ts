import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../src/failure.ts';
import { createLimitedApp, findExcess, refuseExcess } from '../../src/pipeline/accept/user-limits.ts';
import { createApp, destroyApp, ensureEnvironment } from '../../src/store/apps.ts';
import { recordDeploy, requestStop, reserveDeployId } from '../../src/store/deploys.ts';
import { noteBytes } from '../../src/store/usage.ts';
import { openTestLedger } from '../support/ledger.ts';

const limits = { pushes: 3, deploys: 2, apps: 2, disk: 1000 };

const isFailure = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;

async function openWorld(t: TestContext) {
  const { db } = await openTestLedger(t);
  const app = await createApp(db, 'shop', 'ada');
  const environments = await Promise.all(
    ['one', 'two', 'three', 'four'].map((name) =>
      ensureEnvironment(db, app, { name, domain: `${name}.test` }),
    ),
  );
  const push = async (index: number, actor = 'ada') => {
    const environmentId = environments[index]?.id ?? '';
    await refuseExcess(db, { kind: 'push', actor, environmentId }, limits);
    const rest = { kind: 'push', options: {}, source: null, fromReleaseId: null, supersede: true } as const;
    return recordDeploy(db, { id: await reserveDeployId(db), environmentId, actor, ...rest });
  };
  return { db, app, push, environments };
}

test('what is used is counted against each limit, and the refusal says when or how it goes on', () => {
  const at = ['2026-05-04T10:00:00.000Z', '2026-05-04T10:10:00.000Z', '2026-05-04T10:20:00.000Z'];
  const free = { pushes: at.slice(1), waiting: 1, bytes: 999 };
  assert.equal(findExcess('ada', free, limits), undefined);
  const pushes = findExcess('ada', { ...free, pushes: at }, limits);
  assert.deepEqual(
    [pushes?.code, pushes?.fix],
    ['too_many_pushes', 'Push again after 2026-05-04T11:00:00.000Z.'],
  );
  assert.equal(findExcess('ada', { ...free, waiting: 2 }, limits)?.code, 'too_many_deploys');
  assert.match(findExcess('ada', { ...free, bytes: 1000 }, limits)?.message ?? '', /"ada".*limit/);
});

test('pushes that wait are counted for each user, but for one that takes the place of one of theirs', async (t) => {
  const { push, db } = await openWorld(t);
  await push(0);
  const second = await push(1);
  await assert.rejects(push(2), isFailure('too_many_deploys'));
  await push(2, 'eve');
  await push(2, 'operator');
  await requestStop(db, second.id, 'ada');
  await push(2);
});

test('a push to where one waits already is let in, until there were too many in an hour', async (t) => {
  const { push, db } = await openWorld(t);
  await push(0);
  await push(1);
  await push(1);
  await assert.rejects(push(1), isFailure('too_many_pushes'));
  await db.updateTable('deploys').set({ created_at: '2020-01-01T00:00:00.000Z' }).execute();
  await push(1);
});

test('the disk that somebody uses is that of the apps that they made', async (t) => {
  const { push, db, app } = await openWorld(t);
  await noteBytes(db, app.id, 600);
  const { id } = await push(0);
  await db.insertInto('journals').values({ deploy_id: id, bytes: 400 }).execute();
  await assert.rejects(push(0), isFailure('disk_limit'));
  await push(0, 'eve');
});

test('who has enough apps makes no more until one is gone', async (t) => {
  const { db } = await openWorld(t);
  const make = (name: string, actor = 'ada') => createLimitedApp(db, { name, actor }, limits);
  const blog = await make('blog');
  await assert.rejects(make('wiki'), isFailure('too_many_apps'));
  await make('wiki', 'eve');
  await make('more', 'operator');
  await destroyApp(db, blog.id);
  await make('again');
});
