import { type Kysely, sql } from 'kysely';

const counted = sql`integer primary key autoincrement`;

/** Webhooks of forges, and what goes out to people. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhooks')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('app_id', 'text', (c) => c.notNull())
    .addColumn('forge', 'text', (c) => c.notNull())
    .addColumn('repository', 'text', (c) => c.notNull())
    .addColumn('branches', 'text', (c) => c.notNull())
    .addColumn('secret', 'text', (c) => c.notNull())
    .addColumn('token', 'text')
    .addColumn('public_key', 'text')
    .addColumn('private_key', 'text')
    .addColumn('poll_ms', 'integer')
    .addColumn('polled_ms', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('hook_deliveries')
    .addColumn('webhook_id', 'text', (c) => c.notNull())
    .addColumn('delivery', 'text', (c) => c.notNull())
    .addColumn('answer', 'text', (c) => c.notNull())
    .addColumn('received_at', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('hook_deliveries_key', ['webhook_id', 'delivery'])
    .execute();
  await db.schema
    .createTable('hook_pushes')
    .addColumn('id', counted)
    .addColumn('webhook_id', 'text', (c) => c.notNull())
    .addColumn('delivery', 'text', (c) => c.notNull())
    .addColumn('ref', 'text', (c) => c.notNull())
    .addColumn('commit_oid', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('next_ms', 'integer', (c) => c.notNull())
    .addColumn('deploy_id', 'integer')
    .addColumn('code', 'text')
    .addColumn('detail', 'text')
    .addColumn('received_at', 'text', (c) => c.notNull())
    .addColumn('ended_at', 'text')
    .execute();
  await sql`create index hook_pushes_waiting on hook_pushes (next_ms) where state = 'waiting'`.execute(db);
}
