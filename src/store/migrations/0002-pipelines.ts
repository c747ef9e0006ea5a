import type { ColumnDataType } from 'kysely';
import { type Kysely, sql } from 'kysely';

type Column = readonly [table: string, column: string, type: ColumnDataType, defaultTo?: string | number];

/** What releases, deploys and environments know beside what the first version knew. */
const columns: readonly Column[] = [
  ['deploys', 'hold', 'text'],
  ['deploys', 'plan', 'text'],
  ['environments', 'maintenance', 'text'],
  ['environments', 'holding', 'integer', 0],
  ['environments', 'branch', 'text'],
  ['environments', 'destroyed_at', 'text'],
  ['releases', 'defaults', 'text', '{}'],
  ['releases', 'domains', 'text', '[]'],
  ['releases', 'image_deploy_id', 'integer', 0],
  ['releases', 'promoted_from', 'integer'],
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [table, column, type, defaultTo] of columns) {
    await db.schema
      .alterTable(table)
      .addColumn(column, type, (c) => (defaultTo === undefined ? c : c.notNull().defaultTo(defaultTo)))
      .execute();
  }
  await sql`update releases set image_deploy_id = deploy_id`.execute(db);
  await makeSettings(db);
  await makeGates(db);
  await makeServers(db);
}

async function makeSettings(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('settings')
    .addColumn('environment_id', 'text', (c) => c.primaryKey())
    .addColumn('vars', 'text', (c) => c.notNull())
    .addColumn('scale', 'text', (c) => c.notNull())
    .execute();
}

async function makeGates(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('approvals')
    .addColumn('deploy_id', 'integer', (c) => c.primaryKey())
    .addColumn('environment_id', 'text', (c) => c.notNull())
    .addColumn('asked_by', 'text', (c) => c.notNull())
    .addColumn('asked_at', 'text', (c) => c.notNull())
    .addColumn('decision', 'text')
    .addColumn('decided_by', 'text')
    .addColumn('decided_at', 'text')
    .addColumn('reason', 'text')
    .execute();
  const counted = sql`integer primary key autoincrement`;
  await db.schema
    .createTable('freezes')
    .addColumn('id', counted)
    .addColumn('app_id', 'text')
    .addColumn('env', 'text')
    .addColumn('window', 'text', (c) => c.notNull())
    .addColumn('zone', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('locks')
    .addColumn('app_id', 'text', (c) => c.notNull())
    .addColumn('env', 'text', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('locked_by', 'text', (c) => c.notNull())
    .addColumn('locked_at', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text')
    .addPrimaryKeyConstraint('locks_key', ['app_id', 'env'])
    .execute();
  await db.schema
    .createTable('events')
    .addColumn('id', counted)
    .addColumn('at', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text')
    .addColumn('env', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute();
}

async function makeServers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('servers')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addColumn('added_by', 'text', (c) => c.notNull())
    .addColumn('added_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('drains')
    .addColumn('server', 'text', (c) => c.primaryKey())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('drained_by', 'text', (c) => c.notNull())
    .addColumn('drained_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('invitations')
    .addColumn('hash', 'text', (c) => c.primaryKey())
    .addColumn('roles', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text', (c) => c.notNull())
    .addColumn('used_by', 'text')
    .execute();
}
