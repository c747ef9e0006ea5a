import type { Kysely } from 'kysely';

/** Commands in a container that serves already: nothing of it may go with them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('runs')
    .addColumn('inside', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
