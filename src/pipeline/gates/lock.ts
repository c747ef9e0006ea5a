import { Failure } from '../../failure.ts';
import type { App } from '../../model/app.ts';
import type { Database } from '../../store/database.ts';
import { recordEvent } from '../../store/events.ts';
import { type Lock, listLocks, recordLock, removeLock } from '../../store/locks.ts';

export type LockWish = {
  readonly app: App;
  /** Null locks the whole app. */
  readonly env: string | null;
  readonly message: string;
  /** After how many milliseconds it ends by itself; null keeps it until it is unlocked. */
  readonly forMs: number | null;
  /** Also over a lock of somebody else. */
  readonly force: boolean;
  readonly actor: string;
};

/** Nothing is deployed from now on. Throws `already_locked`. */
export async function lockApp(wanted: LockWish, db: Database, now: Date): Promise<Lock> {
  const { app, env, message, forMs, force, actor } = wanted;
  const lock: Lock = {
    appId: app.id,
    env,
    message,
    lockedBy: actor,
    lockedAt: now.toISOString(),
    expiresAt: forMs === null ? null : new Date(now.getTime() + forMs).toISOString(),
  };
  const until = lock.expiresAt === null ? '' : ` (until ${lock.expiresAt})`;
  await db.transaction().execute(async (tx) => {
    await recordLock(tx, lock, force);
    await recordEvent(tx, {
      actor,
      action: 'apps:lock',
      appId: app.id,
      env,
      detail: `${message}${until}`,
    });
  });
  return lock;
}

/** Deploys are taken again. Throws `not_locked`. */
export async function unlockApp(
  { app, env, actor }: Pick<LockWish, 'app' | 'env' | 'actor'>,
  db: Database,
  now: Date,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const locks = await listLocks(tx, app.id, now);
    const lock = locks.find((held) => held.env === env);
    if (lock === undefined) throw notLocked(app.name, env, locks);
    await removeLock(tx, app.id, env);
    const detail = `of ${lock.lockedBy}: ${lock.message}`;
    await recordEvent(tx, { actor, action: 'apps:unlock', appId: app.id, env, detail });
  });
}

function notLocked(app: string, env: string | null, locks: readonly Lock[]): Failure {
  const [other] = locks;
  const what = env === null ? `${app} as a whole` : `${app}/${env}`;
  const message = `${what} is not locked.`;
  if (other === undefined) return new Failure('not_locked', message);
  return new Failure('not_locked', message, {
    fix: `hawser apps:unlock -a ${app}${other.env === null ? '' : ` -e ${other.env}`}`,
  });
}
