import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { authenticate, createToken, revokeToken } from '../../src/store/access/tokens.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openLedger } from '../../src/store/database.ts';
import {
  advanceDeploy,
  findDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  requestStop,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { claimLease, releaseLease, renewLease } from '../../src/store/leases.ts';
import { openShop, openTestLedger } from '../support/ledger.ts';
import { testMasters } from '../support/master-key.ts';

type World = Awaited<ReturnType<typeof openShop>>;

async function queue({ db, environment }: World, supersede = true) {
  return recordDeploy(db, {
    id: await reserveDeployId(db),
    environmentId: environment.id,
    kind: 'push',
    actor: 'test',
    options: {},
    source: null,
    fromReleaseId: null,
    supersede,
  });
}

test('a newer deploy supersedes what waits and asks what builds to stop', async (t) => {
  const world = await openShop(t);
  const building = await queue(world);
  await holdDeploy(world.db, building.id, await nextEpoch(world.db, world.environment.id));
  await advanceDeploy(world.db, { id: building.id, epoch: 1 }, { state: 'building' });
  const waiting = await queue(world, false);
  const newest = await queue(world);
  assert.equal((await findDeploy(world.db, waiting.id))?.state, 'superseded');
  assert.equal((await findDeploy(world.db, building.id))?.stopRequest, 'superseded');
  assert.equal((await findDeploy(world.db, newest.id))?.state, 'queued');
});

test('without supersede every deploy waits its turn', async (t) => {
  const world = await openShop(t);
  const first = await queue(world, false);
  await queue(world, false);
  assert.equal((await findDeploy(world.db, first.id))?.state, 'queued');
});

test('a holder of an older epoch cannot write any more', async (t) => {
  const world = await openShop(t);
  const { id } = await queue(world);
  assert.ok(await holdDeploy(world.db, id, 1));
  assert.ok(await holdDeploy(world.db, id, 2));
  assert.equal(await holdDeploy(world.db, id, 2), false);
  await assert.rejects(advanceDeploy(world.db, { id, epoch: 1 }, { state: 'building' }), {
    code: 'lease_lost',
  });
  await advanceDeploy(world.db, { id, epoch: 2 }, { state: 'building' });
});

test('a waiting deploy is cancelled at once, a running one is asked, an ended one is refused', async (t) => {
  const world = await openShop(t);
  const waiting = await queue(world, false);
  assert.equal((await requestStop(world.db, waiting.id, 'ada')).state, 'cancelled');
  await assert.rejects(requestStop(world.db, waiting.id, 'ada'), { code: 'already_finished' });
  const running = await queue(world, false);
  await holdDeploy(world.db, running.id, 1);
  await advanceDeploy(world.db, { id: running.id, epoch: 1 }, { state: 'rolling_out' });
  assert.equal((await requestStop(world.db, running.id, 'ada')).stopRequest, 'cancelled');
});

test('a lease has one holder, and whoever takes it next has a higher epoch', async (t) => {
  const { db } = await openTestLedger(t);
  const lease = await claimLease(db, 'build:e1');
  assert.ok(lease);
  assert.equal(await claimLease(db, 'build:e1'), null);
  assert.ok(await renewLease(db, lease));
  await releaseLease(db, lease);
  const next = await claimLease(db, 'build:e1');
  assert.ok(next && next.epoch > lease.epoch);
  assert.equal(await renewLease(db, lease), false);
});

test('a lease of a process that is gone is free at once', async (t) => {
  const { db } = await openTestLedger(t);
  await claimLease(db, 'build:e1');
  await db.updateTable('leases').set({ holder: '4194304/1/x' }).execute();
  assert.ok(await claimLease(db, 'build:e1'));
});

test('names of apps are refused before anything is written', async (t) => {
  const { db } = await openTestLedger(t);
  const hostile = [
    'a;touch x',
    '$(id)',
    '`id`',
    'a|b',
    '-x',
    '--help',
    'a b',
    'a\0b',
    'A',
    'é',
    '..',
    '.git',
    'api',
  ];
  for (const name of [...hostile, 'x'.repeat(64), '', 'a--b', 'a-']) {
    await assert.rejects(createApp(db, name, 'test'), { code: 'invalid_app_name' }, name);
  }
  assert.deepEqual(await db.selectFrom('apps').selectAll().execute(), []);
  await createApp(db, 'shop', 'test');
  await assert.rejects(createApp(db, 'shop', 'test'), { code: 'app_exists' });
});

test('slots of environments are the smallest free ones', async (t) => {
  const { db } = await openTestLedger(t);
  const slots = [];
  for (const name of ['one', 'two', 'three']) {
    const app = await createApp(db, name, 'test');
    slots.push((await ensureEnvironment(db, app, { name: 'production', domain: `${name}.localhost` })).slot);
  }
  assert.deepEqual(slots, [0, 1, 2]);
});

test('a token is known by its hash alone, and its typos without asking', async (t) => {
  const { db } = await openTestLedger(t);
  const made = await createToken(db, { name: 'ci', appId: null, rights: ['push'], days: 1, actor: 'test' });
  assert.equal((await authenticate(db, made.token)).id, made.record.id);
  const dump = JSON.stringify(await db.selectFrom('tokens').selectAll().execute());
  assert.ok(!dump.includes(made.token));
  const typo = made.token.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  await assert.rejects(authenticate(db, typo), { code: 'token_malformed' });
  await revokeToken(db, 'ci');
  await assert.rejects(authenticate(db, made.token), { code: 'token_revoked' });
});

test('an expired token is refused with its day', async (t) => {
  const { db } = await openTestLedger(t);
  const made = await createToken(db, { name: 'old', appId: null, rights: ['push'], days: -1, actor: 'test' });
  await assert.rejects(authenticate(db, made.token), { code: 'token_expired' });
});

test('a ledger of a newer version, or no ledger at all, is refused', async (t) => {
  const { db, file } = await openTestLedger(t);
  await db
    .insertInto('kysely_migration' as never)
    .values({ name: '9999-later', timestamp: new Date().toISOString() } as never)
    .execute();
  await assert.rejects(openLedger(file, testMasters), { code: 'ledger_newer' });
  await writeFile(`${file}.txt`, 'this is not a database, but it is long enough to be read as one');
  await assert.rejects(openLedger(`${file}.txt`, testMasters), { code: 'ledger_broken' });
});
