import type { Kysely } from 'kysely';

/** Of the variables of a release those that were read from outside, by name, and where from. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('releases')
    .addColumn('outside', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute();
}
