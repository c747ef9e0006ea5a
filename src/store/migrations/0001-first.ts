import { type Kysely, sql } from 'kysely';

/** Portable between SQLite and PostgreSQL, but for the number columns that count by themselves. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const counted = sql`integer primary key autoincrement`;
  await db.schema
    .createTable('apps')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('destroyed_at', 'text')
    .execute();
  await sql`create unique index apps_name on apps (name) where destroyed_at is null`.execute(db);
  await db.schema
    .createTable('environments')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('app_id', 'text', (c) => c.notNull().references('apps.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('slot', 'integer', (c) => c.notNull().unique())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('last_version', 'integer', (c) => c.notNull())
    .addColumn('current_release_id', 'integer')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addUniqueConstraint('environments_app_name', ['app_id', 'name'])
    .execute();
  await db.schema.createTable('deploy_ids').addColumn('id', counted).execute();
  await db.schema
    .createTable('sources')
    .addColumn('id', counted)
    .addColumn('app_id', 'text', (c) => c.notNull().references('apps.id'))
    .addColumn('ref', 'text', (c) => c.notNull())
    .addColumn('commit_oid', 'text', (c) => c.notNull())
    .addColumn('previous_oid', 'text', (c) => c.notNull())
    .addColumn('author', 'text', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('deploys')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('environment_id', 'text', (c) => c.notNull().references('environments.id'))
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('source_id', 'integer', (c) => c.references('sources.id'))
    .addColumn('from_release_id', 'integer')
    .addColumn('release_id', 'integer')
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('options', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('stop_request', 'text')
    .addColumn('failure_code', 'text')
    .addColumn('failure_message', 'text')
    .addColumn('failure_fix', 'text')
    .addColumn('switched_at', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('started_at', 'text')
    .addColumn('ended_at', 'text')
    .execute();
  await db.schema
    .createIndex('deploys_environment')
    .on('deploys')
    .columns(['environment_id', 'id'])
    .execute();
  await sql`create index deploys_unfinished on deploys (environment_id) where ended_at is null`.execute(db);
  await db.schema
    .createTable('releases')
    .addColumn('id', counted)
    .addColumn('environment_id', 'text', (c) => c.notNull().references('environments.id'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('repository', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('config', 'text', (c) => c.notNull())
    .addColumn('processes', 'text', (c) => c.notNull())
    .addColumn('release_command', 'text')
    .addColumn('port', 'integer', (c) => c.notNull())
    .addColumn('health', 'text')
    .addColumn('resources', 'text', (c) => c.notNull())
    .addColumn('commit_oid', 'text')
    .addColumn('author', 'text')
    .addColumn('message', 'text')
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('deploy_id', 'integer', (c) => c.notNull().unique())
    .addColumn('rollback_of', 'integer')
    .addColumn('went_live_at', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addUniqueConstraint('releases_version', ['environment_id', 'version'])
    .execute();
  await db.schema
    .createTable('containers')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('environment_id', 'text', (c) => c.notNull())
    .addColumn('release_id', 'integer', (c) => c.notNull())
    .addColumn('process', 'text', (c) => c.notNull())
    .addColumn('idx', 'integer', (c) => c.notNull())
    .addColumn('port', 'integer')
    .addColumn('deploy_id', 'integer', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('containers_key', ['server', 'name'])
    .execute();
  await db.schema
    .createTable('backends')
    .addColumn('environment_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('weight', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('backends_key', ['environment_id', 'name'])
    .execute();
  await db.schema
    .createTable('domains')
    .addColumn('domain', 'text', (c) => c.primaryKey())
    .addColumn('environment_id', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('steps')
    .addColumn('deploy_id', 'integer', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('detail', 'text')
    .addColumn('begun_at', 'text', (c) => c.notNull())
    .addColumn('ended_at', 'text')
    .addPrimaryKeyConstraint('steps_key', ['deploy_id', 'name', 'epoch'])
    .execute();
  await db.schema
    .createTable('journals')
    .addColumn('deploy_id', 'integer', (c) => c.primaryKey())
    .addColumn('bytes', 'integer', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('tokens')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('app_id', 'text')
    .addColumn('rights', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'text')
    .addColumn('revoked_at', 'text')
    .addColumn('last_used_on', 'text')
    .execute();
  await db.schema
    .createTable('pins')
    .addColumn('server', 'text', (c) => c.primaryKey())
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('trusted_at', 'text', (c) => c.notNull())
    .addColumn('trusted_by', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('leases')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('holder', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('boot', 'text', (c) => c.notNull())
    .addColumn('seen_ms', 'integer', (c) => c.notNull())
    .execute();
}
