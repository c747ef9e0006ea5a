import { type Kysely, sql } from 'kysely';

/** What keeps a repeated request from being done twice, an editor from undoing another, and a crowd in its bounds. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('request', 'text', (c) => c.notNull())
    .addColumn('body_hash', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('boot', 'text', (c) => c.notNull())
    .addColumn('status', 'integer')
    .addColumn('answer', 'text')
    .addColumn('begun_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('idempotency_begun_at').on('idempotency').column('begun_at').execute();
  await db.schema
    .alterTable('settings')
    .addColumn('revision', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('apps')
    .addColumn('bytes', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await sql`create index deploys_actor on deploys (actor, created_at)`.execute(db);
  await sql`create index events_app on events (app_id, env, id)`.execute(db);
}
