import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { Kysely, SqliteDialect } from 'kysely';
import { allow, anyEnv, type Right } from '../../src/model/access.ts';
import { toActor, toCredential } from '../../src/store/access/credential.ts';
import * as first from '../../src/store/migrations/0001-first.ts';
import * as access from '../../src/store/migrations/0003-access.ts';
import type { Tables } from '../../src/store/tables.ts';

function openEmpty(): Kysely<Tables> {
  const sqlite = new DatabaseSync(':memory:');
  const database = {
    close: () => sqlite.close(),
    prepare(sql: string) {
      const statement = sqlite.prepare(sql);
      return {
        reader: /^\s*select/i.test(sql),
        all: (values: readonly unknown[]) => statement.all(...(values as string[])),
        run: (values: readonly unknown[]) => statement.run(...(values as string[])),
        iterate: () => [][Symbol.iterator](),
      };
    },
  };
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database }) });
}

test('a token of before users may what it could before', async (t) => {
  const db = openEmpty();
  t.after(() => db.destroy());
  const bare = db as Kysely<unknown>;
  await first.up(bare);
  const rest = { name: 'old', app_id: 'shop', created_at: 'then', created_by: 'test' };
  const never = { expires_at: null, revoked_at: null, last_used_on: null };
  for (const rights of ['read', 'push', 'push,deploy', 'create', 'admin']) {
    const row = { id: rights, hash: rights, rights, ...rest, ...never } as Tables['tokens'];
    await db.insertInto('tokens').values(row).execute();
  }
  await access.up(bare);
  const kept: Readonly<Record<string, readonly Right[]>> = {
    read: ['read', 'logs'],
    push: ['read', 'logs', 'push'],
    'push,deploy': ['push', 'deploy', 'promote', 'rollback', 'config:read', 'config:write', 'logs'],
    create: ['create', 'push', 'read', 'logs'],
    admin: ['admin', 'deploy', 'promote', 'config:read', 'run'],
  };
  for (const row of await db.selectFrom('tokens').selectAll().execute()) {
    const actor = toActor('token', toCredential(row));
    const app = { id: 'shop' };
    for (const right of kept[row.id] ?? []) assert.ok(allow(actor, right, { app }), `${row.id}: ${right}`);
    assert.equal(allow(actor, 'read', { app: { id: 'blog' }, env: anyEnv }), false);
    assert.equal(allow(actor, 'admin', { app }), row.id === 'admin');
  }
});
