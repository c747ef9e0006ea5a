import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** Who may come in beside the tokens. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('keys')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('blob', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text')
    .addColumn('env', 'text')
    .addColumn('rights', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text')
    .addColumn('revoked_at', 'text')
    .addColumn('last_used_on', 'text')
    .execute();
  // A key that was taken away may be added again.
  await sql`create unique index keys_fingerprint on keys (fingerprint) where revoked_at is null`.execute(db);
  await db.schema.alterTable('tokens').addColumn('env', 'text').execute();
  await db.schema.alterTable('tokens').addColumn('user_id', 'text').execute();
  await splitRights(db as Kysely<Pick<Tables, 'tokens'>>);
}

/** What a right of before stands for since it was split. */
const split: Readonly<Record<string, readonly string[]>> = {
  read: ['read', 'logs'],
  deploy: ['deploy', 'promote', 'rollback', 'config:read', 'config:write'],
};

/** A token may afterwards what it could before. */
async function splitRights(db: Kysely<Pick<Tables, 'tokens'>>): Promise<void> {
  for (const { id, rights } of await db.selectFrom('tokens').select(['id', 'rights']).execute()) {
    const now = rights.split(',').flatMap((right) => split[right] ?? [right]);
    await db
      .updateTable('tokens')
      .set({ rights: [...new Set(now)].join(',') })
      .where('id', '=', id)
      .execute();
  }
}
