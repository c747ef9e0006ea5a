import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type MasterKeys, openMasterKeys } from '../../src/secrets/master-key.ts';
import { openText, sealText } from '../../src/secrets/seal.ts';
import { confirmTotp, wantTotp } from '../../src/store/access/totp.ts';
import { addUser } from '../../src/store/access/users.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openLedger } from '../../src/store/database.ts';
import { recordDeploy, reserveDeployId } from '../../src/store/deploys.ts';
import { addNotification, getNotification } from '../../src/store/notifications.ts';
import { getRelease, recordRelease } from '../../src/store/releases.ts';
import { addDataKey } from '../../src/store/sealed/data-keys.ts';
import { describeSecrets, retireSecrets, rotateSecrets } from '../../src/store/sealed/secrets.ts';
import { readSettings, writeSettings } from '../../src/store/settings.ts';
import { addWebhook, findWebhook } from '../../src/store/webhooks.ts';
import { makeRelease } from '../support/rollout-model.ts';

const sentinel = 'S3CR3T-of-the-ledger-0123456789';

async function openWorld(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-seal-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'keys', 'master.key');
  const masters = openMasterKeys({ kind: 'file', path });
  const file = join(folder, 'ledger.db');
  const open = async (keys: MasterKeys = masters) => {
    const ledger = await openLedger(file, keys);
    t.after(() => ledger[Symbol.asyncDispose]().catch(() => undefined));
    return ledger;
  };
  return { folder, path, masters, file, open };
}

/** A value in every place that has one. */
async function fillLedger(db: Awaited<ReturnType<typeof openLedger>>['db']) {
  const app = await createApp(db, 'shop', 'test');
  const environment = await ensureEnvironment(db, app, { name: 'production', domain: 'shop.localhost' });
  await writeSettings(db, environment.id, { vars: { TOKEN: sentinel }, scale: {} });
  const change = { vars: { TOKEN: { from: null, to: sentinel } }, scale: {}, domains: {} };
  const id = await reserveDeployId(db);
  const deploy = await recordDeploy(db, {
    id,
    environmentId: environment.id,
    kind: 'change',
    source: null,
    fromReleaseId: null,
    options: { change } as never,
    actor: 'test',
    supersede: false,
  });
  const release = await recordRelease(db, {
    ...makeRelease(1, []),
    config: { TOKEN: sentinel },
    defaults: { OTHER: sentinel },
    environmentId: environment.id,
    deployId: deploy.id,
    imageDeployId: deploy.id,
  });
  const hook = {
    appId: app.id,
    forge: 'github' as const,
    repository: 'https://example.com/a/b',
    branches: ['main'],
  };
  const { webhook, secret } = await addWebhook(db, { ...hook, pollMs: null, token: sentinel, actor: 'test' });
  const url = `https://example.com/${sentinel}`;
  const { notification } = await addNotification(db, {
    kind: 'json',
    events: [],
    appId: null,
    url,
    actor: 'test',
  });
  const user = await addUser(db, { name: 'ada', hash: null, isOwner: true, actor: 'test' });
  const totp = await wantTotp(db, user.id);
  return { app, environment, deploy, release, webhook, hookSecret: secret, notification, url, user, totp };
}

async function grepFolder(folder: string, ...texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'master.key') continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    found.push(...texts.filter((text) => bytes.includes(text)).map((text) => `${entry.name}: ${text}`));
  }
  return found;
}

test('nothing that was given is plain in the bytes of the ledger or its log, and all of it opens', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  const made = await fillLedger(db);
  assert.deepEqual(await grepFolder(world.folder, sentinel, made.hookSecret, made.totp), []);
  assert.equal((await readSettings(db, made.environment.id)).vars.TOKEN, sentinel);
  assert.equal((await getRelease(db, made.release.id)).config.TOKEN, sentinel);
  assert.equal((await findWebhook(db, made.webhook.id))?.secrets.token, sentinel);
  assert.equal((await getNotification(db, made.notification.id)).target.url, made.url);
  assert.equal((await stat(world.path)).mode & 0o777, 0o600);
});

test('a value that was copied to another app, another variable or another release does not open', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  const { environment, release } = await fillLedger(db);
  const other = await createApp(db, 'blog', 'test');
  const theirs = await ensureEnvironment(db, other, { name: 'production', domain: 'blog.localhost' });
  const row = await db.selectFrom('settings').selectAll().executeTakeFirstOrThrow();
  await db
    .insertInto('settings')
    .values({ ...row, environment_id: theirs.id })
    .execute();
  await assert.rejects(readSettings(db, theirs.id), { code: 'secret_broken' });
  const renamed = row.vars.replace('TOKEN', 'SHOWN');
  await db
    .updateTable('settings')
    .set({ vars: renamed })
    .where('environment_id', '=', environment.id)
    .execute();
  await assert.rejects(readSettings(db, environment.id), { code: 'secret_broken', message: /SHOWN/ });
  await db.updateTable('releases').set({ version: 77 }).where('id', '=', release.id).execute();
  const moved = await getRelease(db, release.id);
  assert.throws(() => moved.config, { code: 'secret_broken' });
});

test('what an older version wrote in plain is sealed at the next start, and gone from the bytes of the file', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  const { environment } = await fillLedger(db);
  const plain = { vars: JSON.stringify({ TOKEN: sentinel }), sealed_by: 0 };
  await db.updateTable('settings').set(plain).execute();
  assert.notDeepEqual(await grepFolder(world.folder, sentinel), []);
  await db.destroy();
  const again = await world.open();
  assert.deepEqual(await grepFolder(world.folder, sentinel), []);
  assert.equal((await readSettings(again.db, environment.id)).vars.TOKEN, sentinel);
});

test('a start that was killed when all was sealed, before the file was clean, is made good by the next', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  await db.destroy();
  const raw = new DatabaseSync(world.file);
  raw.exec(`pragma secure_delete = off; create table old as select '${sentinel}' as value; drop table old`);
  raw.exec('pragma user_version = 0');
  raw.close();
  assert.notDeepEqual(await grepFolder(world.folder, sentinel), []);
  await world.open();
  assert.deepEqual(await grepFolder(world.folder, sentinel), []);
});

test('a rotation seals everything anew; after it is retired the older master key opens nothing', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  const made = await fillLedger(db);
  const older = openMasterKeys({ kind: 'text', text: await readFile(world.path, 'utf8') });
  // The settings, the release, the deploy, the webhook, the notification and the second factor.
  const before = await describeSecrets(db, world.masters);
  assert.deepEqual([before.dataKey, before.sealed, before.older], [1, 6, 0]);
  await addDataKey(db, world.masters);
  assert.equal((await describeSecrets(db, world.masters)).older, 6);
  await rotateSecrets(db, world.masters);
  const rotated = await describeSecrets(db, world.masters);
  assert.deepEqual([rotated.masters.length, rotated.dataKey, rotated.sealed, rotated.older], [2, 3, 6, 0]);
  assert.equal((await findWebhook(db, made.webhook.id))?.secrets.secret, made.hookSecret);
  await retireSecrets(db, world.masters);
  assert.equal((await describeSecrets(db, world.masters)).masters.length, 1);
  assert.equal((await getRelease(db, made.release.id)).defaults.OTHER, sentinel);
  assert.equal(
    await confirmTotp(db, await db.selectFrom('users').selectAll().executeTakeFirstOrThrow(), 'x'),
    null,
  );
  await assert.rejects(world.open(older), { code: 'master_key_wrong' });
});

test('a rotation that was killed behind the new key is finished by the next start', async (t) => {
  const world = await openWorld(t);
  const { db } = await world.open();
  const made = await fillLedger(db);
  const cut = new Error('killed');
  const dying: MasterKeys = { ...world.masters, read: () => assert.fail(cut) };
  await assert.rejects(rotateSecrets(db, dying), cut);
  assert.equal((await readFile(world.path, 'utf8')).split('\n').filter(Boolean).length, 2);
  const again = await world.open();
  assert.equal((await readSettings(again.db, made.environment.id)).vars.TOKEN, sentinel);
  await retireSecrets(again.db, world.masters);
  assert.equal((await readSettings(again.db, made.environment.id)).vars.TOKEN, sentinel);
});

test('a master key that is missing, open to others, wrong or no key at all is refused with what to do', async (t) => {
  const world = await openWorld(t);
  const ledger = await world.open();
  await fillLedger(ledger.db);
  const key = await readFile(world.path, 'utf8');
  await ledger[Symbol.asyncDispose]();
  await chmod(world.path, 0o640);
  await assert.rejects(world.open(), { code: 'master_key_open', fix: /chmod 600 / });
  await rm(world.path);
  await assert.rejects(world.open(), { code: 'master_key_missing', fix: /install -m 600 COPY / });
  await writeFile(world.path, 'not a key', { mode: 0o600 });
  await assert.rejects(world.open(), { code: 'master_key_wrong', fix: /openssl rand -base64 32/ });
  await writeFile(world.path, `${Buffer.alloc(32, 1).toString('base64')}\n`);
  await assert.rejects(world.open(), { code: 'master_key_wrong' });
  await writeFile(world.path, key);
  await world.open();
});

test('no two seals are alike, and every bit of one is looked at', () => {
  const key = { id: 'k1', bytes: Buffer.alloc(32, 5) };
  const seals = Array.from({ length: 2_000 }, () => sealText('same', key, 'here'));
  assert.equal(new Set(seals.map((seal) => seal.split('.')[2])).size, seals.length);
  const [, , , body = ''] = (seals[0] ?? '').split('.');
  const head = (seals[0] ?? '').slice(0, -body.length);
  assert.equal(openText(seals[0] ?? '', key, 'here'), 'same');
  const bytes = Buffer.from(body, 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(openText(head + changed.toString('base64url'), key, 'here'), undefined);
  }
});

test('where Hawser cannot write, a rotation wants the new key put before the older one', async (t) => {
  const world = await openWorld(t);
  const [one, two] = [1, 2].map((fill) => Buffer.alloc(32, fill).toString('base64'));
  const from = (text: string) => openMasterKeys({ kind: 'text', text });
  const { db } = await world.open(from(`${one}`));
  const made = await fillLedger(db);
  await assert.rejects(rotateSecrets(db, from(`${one}`)), { code: 'master_key_elsewhere' });
  const both = await world.open(from(`${two} ${one}`));
  await rotateSecrets(both.db, from(`${two} ${one}`));
  await retireSecrets(both.db, from(`${two} ${one}`));
  await assert.rejects(world.open(from(`${one}`)), { code: 'master_key_wrong' });
  const { db: last } = await world.open(from(`${two}`));
  assert.equal((await readSettings(last, made.environment.id)).vars.TOKEN, sentinel);
});
