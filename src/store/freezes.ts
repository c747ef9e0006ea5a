import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** A time in which nothing is deployed; no app means all of them, no env every environment. */
export type Freeze = {
  readonly id: number;
  readonly appId: string | null;
  readonly env: string | null;
  /** As it was written, in the grammar of the model. */
  readonly window: string;
  readonly zone: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: string;
};

export async function recordFreeze(db: Database, freeze: Omit<Freeze, 'id'>): Promise<Freeze> {
  const row = await db
    .insertInto('freezes')
    .values({
      app_id: freeze.appId,
      env: freeze.env,
      window: freeze.window,
      zone: freeze.zone,
      reason: freeze.reason,
      created_by: freeze.createdBy,
      created_at: freeze.createdAt,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toFreeze(row);
}

/** Those that concern an app, or one environment of it; without an app all that there are. */
export async function listFreezes(
  db: Database,
  where: { readonly appId?: string; readonly env?: string } = {},
): Promise<readonly Freeze[]> {
  const { appId, env } = where;
  let query = db.selectFrom('freezes').selectAll().orderBy('id');
  if (appId !== undefined) {
    query = query.where((eb) => eb.or([eb('app_id', '=', appId), eb('app_id', 'is', null)]));
  }
  if (env !== undefined) query = query.where((eb) => eb.or([eb('env', '=', env), eb('env', 'is', null)]));
  return (await query.execute()).map(toFreeze);
}

/** Removes one; with an app only when it is that app's own. Throws `freeze_not_found`. */
export async function removeFreeze(db: Database, id: number, appId: string | null): Promise<Freeze> {
  let query = db.deleteFrom('freezes').where('id', '=', id);
  if (appId !== null) query = query.where('app_id', '=', appId);
  const row = await query.returningAll().executeTakeFirst();
  if (row !== undefined) return toFreeze(row);
  const whose = appId === null ? '' : ' of this app alone';
  throw new Failure('freeze_not_found', `There is no freeze ${id}${whose}.`);
}

function toFreeze(row: Selectable<Tables['freezes']>): Freeze {
  const { id, env, window, zone, reason } = row;
  return {
    id,
    appId: row.app_id,
    env,
    window,
    zone,
    reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
