import type { Kysely } from 'kysely';

/** Process types that somebody stopped: their numbers stay as they are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('settings')
    .addColumn('stopped', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute();
}
