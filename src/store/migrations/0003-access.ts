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
  await makeUsers(db);
  await splitRights(db as Kysely<Pick<Tables, 'tokens'>>);
}

async function makeUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull().unique())
    .addColumn('hash', 'text')
    .addColumn('is_owner', 'integer', (c) => c.notNull())
    .addColumn('totp', 'text')
    .addColumn('totp_wanted', 'text')
    .addColumn('totp_step', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('disabled_at', 'text')
    .execute();
  await db.schema
    .createTable('recovery_codes')
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id'))
    .addColumn('hash', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('recovery_codes_key', ['user_id', 'hash'])
    .execute();
  await db.schema
    .createTable('grants')
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id'))
    .addColumn('app_id', 'text', (c) => c.notNull())
    .addColumn('env', 'text', (c) => c.notNull())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('given_by', 'text', (c) => c.notNull())
    .addColumn('given_at', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('grants_place', ['user_id', 'app_id', 'env'])
    .execute();
  await db.schema
    .createTable('sessions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('user_id', 'text', (c) => c.notNull().references('users.id'))
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('used_at', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('claims')
    .addColumn('hash', 'text', (c) => c.primaryKey())
    .addColumn('purpose', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text')
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text', (c) => c.notNull())
    .addColumn('used_at', 'text')
    .execute();
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
