import type { Kysely } from 'kysely';

/** One-off commands: what keeps their containers known to whoever looks at a server, and how they ended. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('runs')
    .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('environment_id', 'text', (c) => c.notNull().references('environments.id'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('server', 'text', (c) => c.notNull())
    .addColumn('container', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('command', 'text', (c) => c.notNull())
    .addColumn('attached', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('held_ms', 'integer')
    .addColumn('ends_ms', 'integer', (c) => c.notNull())
    .addColumn('stop', 'text')
    .addColumn('outcome', 'text')
    .addColumn('exit_code', 'integer')
    .addColumn('detail', 'text')
    .addColumn('output', 'text')
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('started_at', 'text')
    .addColumn('ended_at', 'text')
    .execute();
  await db.schema
    .createIndex('runs_of_environment')
    .on('runs')
    .columns(['environment_id', 'state'])
    .execute();
}
