import type { Kysely } from 'kysely';

/** Values that people set are sealed; `sealed_by` says under which data key, 0 for rows from before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('data_keys')
    .addColumn('id', 'integer', (c) => c.notNull())
    .addColumn('master', 'text', (c) => c.notNull())
    .addColumn('wrapped', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('data_keys_once', ['id', 'master'])
    .execute();
  for (const table of ['settings', 'releases', 'deploys']) {
    await db.schema
      .alterTable(table)
      .addColumn('sealed_by', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  }
}
