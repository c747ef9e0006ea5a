import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { sql } from 'kysely';
import { makeKeyPair } from '../../src/fleet/ssh.ts';
import { addKey } from '../../src/store/access/keys.ts';
import { listAudit } from '../../src/store/audit/audit.ts';
import type { Database } from '../../src/store/database.ts';
import { addNotification } from '../../src/store/notifications.ts';
import { addWebhook } from '../../src/store/webhooks.ts';
import { openApiWorld } from '../support/api-world.ts';
import { runCommand } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { commitFile, makeSource, runClient } from '../support/receive-world.ts';
import { openSshWorld } from '../support/ssh-world.ts';
import { makeUser } from '../support/users.ts';

const secret = 'S3CR3T-81d7';

/** The oldest first, without what differs from run to run. */
async function readLog(db: Database) {
  const entries = await listAudit(db, { limit: 200 });
  return entries
    .map(({ actorKind, actor, door, address, action, app, env, object, outcome, code, count }) => {
      const where = [app, env].filter((part) => part !== null).join('/');
      const who = `${actorKind} ${actor} by ${door}${address === '' ? '' : ` from ${address}`}`;
      return `${who}: ${action} ${where} [${object ?? ''}] ${outcome}${code === null ? '' : ` ${code}`} x${count}`;
    })
    .toReversed();
}

test('every change by the API has one entry with who, where from, what and how it ended', async (t) => {
  const world = await openApiWorld(t);
  const [ops, reader] = [await world.makeToken(null, 'admin'), await world.makeToken(null, 'read')];
  const ask = (method: string, path: string, body?: object, token = ops) =>
    world.ask(method, `/api/v1${path}`, { token, ...(body === undefined ? {} : { body }) });
  await world.finish(await world.queue());
  await ask('GET', '/apps');
  await ask('POST', '/apps', { name: 'blog' });
  await ask('POST', '/apps', { name: 'blog' });
  await ask('POST', '/apps/shop/config', { vars: { KEY: secret } });
  await ask('POST', '/apps/shop/lock', { message: 'not now' });
  await ask('POST', '/apps/shop/rollback', { env: 'production' });
  await ask('POST', '/tokens', { name: 'ci', app: 'shop' });
  await ask('POST', '/apps/shop/maintenance', {}, reader);
  await ask('GET', '/disk', undefined, reader);
  await ask('GET', '/apps', undefined, 'hw_wrong');
  await world.ask('GET', `/api/v1/apps?token=${ops}`);
  await runCommand(['apps:create', 'third', '--config', world.config.file]);
  const [by, byReader] = ['token admin by api from 127.0.0.1', 'token read by api from 127.0.0.1'];
  assert.deepEqual(await readLog(world.db), [
    `${by}: apps:create blog [blog] done x1`,
    `${by}: apps:create  [] refused app_exists x1`,
    `${by}: config:set shop/production [config: +KEY] done x1`,
    `${by}: apps:lock shop [not now] done x1`,
    `${by}: rollback shop [] refused release_not_found x1`,
    `${by}: tokens:create shop [ci] done x1`,
    `${byReader}: maintenance:on shop [] refused not_allowed x1`,
    `${byReader}: api:read  [/disk] refused not_allowed x1`,
    'nobody nobody by api from 127.0.0.1: api:read  [/apps] refused token_malformed x1',
    'nobody nobody by api from 127.0.0.1: api:read  [] refused token_in_url x1',
    'operator operator by socket: apps:create third [third] done x1',
  ]);
  const raw = JSON.stringify(await world.db.selectFrom('audit').selectAll().execute());
  for (const word of [secret, ops, reader]) assert.ok(!raw.includes(word));
});

test('a change of the ledger whose entry cannot be written is not there either', async (t) => {
  const world = await openApiWorld(t);
  const { db, shop } = world;
  const admin = await world.makeToken(null, 'admin');
  const { session } = await makeUser(db, 'ada', { role: 'owner' });
  const key = { name: 'laptop', appId: null, rights: ['push'] as const, days: null, actor: 'test' };
  const { id: laptop } = await addKey(db, { ...key, fingerprint: 'SHA256:x', blob: Buffer.from('x') });
  const hook = { appId: shop.app.id, forge: 'github', repository: 'https://forge.example/shop' } as const;
  const { webhook } = await addWebhook(db, {
    ...{ ...hook, branches: [], pollMs: null, token: null, actor: 'test' },
  });
  const { notification } = await addNotification(db, {
    ...({ kind: 'json', events: ['deploy.failed'], appId: null } as const),
    ...{ url: 'https://chat.example/hook', actor: 'test' },
  });
  const look = async () => ({
    tokens: await db.selectFrom('tokens').select(['id', 'revoked_at']).execute(),
    keys: await db.selectFrom('keys').selectAll().execute(),
    webhooks: await db.selectFrom('webhooks').selectAll().execute(),
    notifications: await db.selectFrom('notifications').selectAll().execute(),
    sessions: await db.selectFrom('sessions').select('id').execute(),
  });
  const before = await look();
  const hooks = `/apps/shop/webhooks/${webhook.id}`;
  await sql`create trigger no_entry before insert on audit begin select raise(abort, 'full'); end`.execute(
    db,
  );
  for (const [method, path, body, token] of [
    ['POST', '/tokens', { name: 'ci' }, admin],
    ['DELETE', `/tokens/${before.tokens[0]?.id}`, undefined, admin],
    ['POST', '/keys', { name: 'other', key: makeKeyPair('other').public }, admin],
    ['DELETE', `/keys/${laptop}`, undefined, admin],
    ['POST', `${hooks}/key`, {}, admin],
    ['DELETE', hooks, undefined, admin],
    ['DELETE', `/notifications/${notification.id}`, undefined, admin],
    ['POST', '/logout', {}, session],
  ] as const) {
    const asking = { token, ...(body === undefined ? {} : { body }) };
    const { status } = await world.ask(method, `/api/v1${path}`, asking);
    assert.deepEqual([status, await look()], [500, before], `${method} ${path}`);
  }
});

test('pushes, fetches and commands over SSH are in it, and strangers', async (t) => {
  const world = await openSshWorld(t);
  const { db } = world.api;
  await world.makeKey('laptop', ['push']);
  world.makeStranger('stranger');
  const source = await makeSource(world.folder, 'source', world.remote());
  await world.git('laptop', source, 'push', 'deploy', 'main');
  await commitFile(source, 'more', 'x');
  await world.git('laptop', source, 'push', 'deploy', 'main:refs/notes/x');
  await world.git('laptop', source, 'fetch', 'deploy');
  await world.git('laptop', source, 'fetch', 'deploy');
  await world.ssh('laptop', ['config:set', '-a', 'shop', `KEY=${secret}`]);
  await world.ssh('stranger', ['apps']);
  await runClient(source, ['ls-remote', world.url().replace(/:[^:@/]+@/, ':wrong@')]);
  await eventually(async () => (await readLog(db)).some((line) => line.includes('ssh:login')));
  const lines = (await readLog(db)).map((line) => line.replace(/[0-9a-f]{12}/, 'COMMIT'));
  const by = 'key laptop by git-ssh from 127.0.0.1';
  for (const line of [
    `${by}: git:push shop/production [refs/heads/main COMMIT] done x1`,
    `${by}: git:push shop [refs/notes/x COMMIT] refused ref_not_allowed x1`,
    `${by}: git:fetch shop [] done x1`,
    `${by}: ssh:command  [config:set] done x1`,
    'key laptop by cli-ssh from 127.0.0.1: config:set shop [] refused not_allowed x1',
    'nobody nobody by git-ssh from 127.0.0.1: ssh:login  [] refused key_not_valid x1',
    'nobody nobody by git-http from 127.0.0.1: git:fetch shop [] refused token_unknown x1',
  ]) {
    assert.ok(lines.includes(line), `${line}\nis not in\n${lines.join('\n')}`);
  }
  assert.ok(!JSON.stringify(lines).includes(secret));
});

test('the command line lists, exports and verifies; one entry that was changed ends it with 1', async (t) => {
  const world = await openApiWorld(t);
  const run = (...argv: string[]) => runCommand([...argv, '--config', world.config.file]);
  await run('apps:create', 'blog');
  await run('apps:create', 'third');
  const listed = await run('audit', '-a', 'blog', '--since', '1h');
  assert.match(listed.stdout, /^1\t.*\toperator \(operator\)\tsocket\tapps:create\tblog\tblog\tdone$/m);
  assert.doesNotMatch(listed.stdout, /third/);
  const exported = (await run('audit:export', '--after', '1')).stdout.trim().split('\n');
  assert.deepEqual(
    exported.map((line) => JSON.parse(line).app),
    ['third'],
  );
  const good = await run('audit:verify');
  assert.equal(good.code, 0, good.stderr);
  const [, anchor = ''] = good.stdout.trim().split(' ');
  assert.equal((await run('audit:verify', '--anchor', anchor)).code, 0);
  assert.equal((await run('audit:verify', '--anchor', 'a'.repeat(64))).code, 1);
  const file = new DatabaseSync(join(world.config.data, 'ledger.db'));
  t.after(() => file.close());
  file.exec("drop trigger audit_no_update; update audit set actor = 'somebody else' where seq = 1");
  const bad = await run('audit:verify');
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^Entry 1 is not as it was written: it was changed/);
});
