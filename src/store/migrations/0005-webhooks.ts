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
    .addColumn('reported', 'text', (c) => c.notNull().defaultTo(''))
    .addColumn('reports', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('received_at', 'text', (c) => c.notNull())
    .addColumn('ended_at', 'text')
    .execute();
  await sql`create index hook_pushes_waiting on hook_pushes (next_ms) where state = 'waiting'`.execute(db);
  await makeNotifications(db);
}

async function makeNotifications(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('notifications')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('secret', 'text')
    .addColumn('events', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('happenings')
    .addColumn('id', counted)
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('deploy_id', 'integer')
    .addColumn('server', 'text')
    .addColumn('detail', 'text')
    .execute();
  await db.schema
    .createTable('notices')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('notification_id', 'text', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('next_ms', 'integer', (c) => c.notNull())
    .addColumn('status', 'integer')
    .addColumn('answer', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('ended_at', 'text')
    .execute();
  await sql`create index notices_waiting on notices (next_ms) where state = 'waiting'`.execute(db);
  await db.schema
    .createTable('reached')
    .addColumn('server', 'text', (c) => c.primaryKey())
    .addColumn('lost_looks', 'integer', (c) => c.notNull())
    .execute();
  // What happens to a deploy is told with the change itself, whoever makes it.
  await sql`create trigger deploy_ended after update of state on deploys
    when new.state <> old.state and new.state in ('live', 'failed', 'rolled_back') begin
    insert into happenings (event, deploy_id) values ('deploy.' || new.state, new.id); end`.execute(db);
  await sql`create trigger approval_asked after insert on approvals begin
    insert into happenings (event, deploy_id) values ('approval.needed', new.deploy_id); end`.execute(db);
}
