import { Failure } from '../failure.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** Nothing is deployed to an app, or to one environment of it, until it is unlocked or the lock expires. */
export type Lock = {
  readonly appId: string;
  /** Null when the whole app is locked. */
  readonly env: string | null;
  readonly message: string;
  readonly lockedBy: string;
  readonly lockedAt: string;
  readonly expiresAt: string | null;
};

/** Inside a transaction; a lock of somebody else is replaced only by `force`. Throws `already_locked`. */
export async function recordLock(tx: Database, lock: Lock, force: boolean): Promise<void> {
  const { appId, env, lockedBy } = lock;
  const held = (await listLocks(tx, appId, new Date(lock.lockedAt))).find((other) => other.env === env);
  if (held !== undefined && held.lockedBy !== lockedBy && !force) {
    const until = held.expiresAt === null ? '' : ` until ${held.expiresAt}`;
    throw new Failure('already_locked', `${held.lockedBy} has locked it${until}: ${held.message}`);
  }
  const values = {
    message: lock.message,
    locked_by: lockedBy,
    locked_at: lock.lockedAt,
    expires_at: lock.expiresAt,
  };
  await tx
    .insertInto('locks')
    .values({ app_id: appId, env: env ?? '', ...values })
    .onConflict((conflict) => conflict.columns(['app_id', 'env']).doUpdateSet(values))
    .execute();
}

/** What locks an app and its environments at `now`; the lock of the whole app first. */
export async function listLocks(db: Database, appId: string, now: Date): Promise<readonly Lock[]> {
  const rows = await db
    .selectFrom('locks')
    .selectAll()
    .where('app_id', '=', appId)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now.toISOString())]))
    .orderBy('env')
    .execute();
  return rows.map(toLock);
}

export async function removeLock(db: Database, appId: string, env: string | null): Promise<void> {
  await db
    .deleteFrom('locks')
    .where('app_id', '=', appId)
    .where('env', '=', env ?? '')
    .execute();
}

function toLock(row: Tables['locks']): Lock {
  return {
    appId: row.app_id,
    env: row.env === '' ? null : row.env,
    message: row.message,
    lockedBy: row.locked_by,
    lockedAt: row.locked_at,
    expiresAt: row.expires_at,
  };
}
