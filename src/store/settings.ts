import type { Settings } from '../model/app.ts';
import type { Database } from './database.ts';
import { openVariables, sealVariables } from './sealed/sealed.ts';
import { sealOf } from './sealed/sealing-dialect.ts';

/**
 * What people set of an environment; empty when nobody set anything. Throws `secret_broken`; variables of `replaced`
 * whose values are broken count as not set, so that they can be set anew.
 */
export async function readSettings(
  db: Database,
  environmentId: string,
  replaced: readonly string[] = [],
): Promise<Settings> {
  const row = await db
    .selectFrom('settings')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .executeTakeFirst();
  if (row === undefined) return { vars: {}, scale: {} };
  const stopped: string[] = JSON.parse(row.stopped);
  return {
    vars: openVariables(db, row, replaced),
    scale: JSON.parse(row.scale),
    ...(stopped.length === 0 ? {} : { stopped }),
  };
}

export async function writeSettings(db: Database, environmentId: string, settings: Settings): Promise<void> {
  const values = {
    vars: sealVariables(db, environmentId, settings.vars),
    scale: JSON.stringify(settings.scale),
    stopped: JSON.stringify(settings.stopped ?? []),
    sealed_by: sealOf(db).current(),
  };
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
