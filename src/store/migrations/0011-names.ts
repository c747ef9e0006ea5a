import { type Kysely, sql } from 'kysely';

/** Names that an app had before, and the one under which each release runs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('apps')
    .addColumn('former_names', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute();
  await db.schema
    .alterTable('releases')
    .addColumn('app', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await sql`update releases set app = (select apps.name from environments inner join apps on apps.id = environments.app_id
    where environments.id = releases.environment_id)`.execute(db);
}
