import type { Settings } from '../model/app.ts';
import type { Database } from './database.ts';

/** What people set of an environment; empty when nobody set anything. */
export async function readSettings(db: Database, environmentId: string): Promise<Settings> {
  const row = await db
    .selectFrom('settings')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .executeTakeFirst();
  return row === undefined
    ? { vars: {}, scale: {} }
    : { vars: JSON.parse(row.vars), scale: JSON.parse(row.scale) };
}

export async function writeSettings(db: Database, environmentId: string, settings: Settings): Promise<void> {
  const values = { vars: JSON.stringify(settings.vars), scale: JSON.stringify(settings.scale) };
  await db
    .insertInto('settings')
    .values({ environment_id: environmentId, ...values, revision: 1 })
    .onConflict((conflict) =>
      conflict
        .column('environment_id')
        .doUpdateSet((eb) => ({ ...values, revision: eb('settings.revision', '+', 1) })),
    )
    .execute();
}

/** Higher after every change of an environment's settings; 0 when nobody set anything. */
export async function readRevision(db: Database, environmentId: string): Promise<number> {
  const row = await db
    .selectFrom('settings')
    .select('revision')
    .where('environment_id', '=', environmentId)
    .executeTakeFirst();
  return row?.revision ?? 0;
}
