import { type Kysely, sql } from 'kysely';

/** Who may come in beside the tokens. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('keys')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('blob', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text')
    .addColumn('rights', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text')
    .addColumn('revoked_at', 'text')
    .addColumn('last_used_on', 'text')
    .execute();
  // A key that was taken away may be added again.
  await sql`create unique index keys_fingerprint on keys (fingerprint) where revoked_at is null`.execute(db);
}
