import { Failure } from '../../failure.ts';
import type { Deploy } from '../../model/deploy.ts';
import { isFrozen, nextChange } from '../../model/freeze.ts';
import { parseFreezeWindow } from '../../model/freeze-window.ts';
import { findEnvironment } from '../../store/apps.ts';
import type { Database } from '../../store/database.ts';
import { recordEvent } from '../../store/events.ts';
import { type Freeze, listFreezes } from '../../store/freezes.ts';
import { listLocks } from '../../store/locks.ts';

/** Where a deploy would go. */
export type GatePlace = {
  readonly app: { readonly id: string; readonly name: string };
  readonly environment: { readonly name: string };
};

export type GateQuestion = Pick<Deploy, 'kind' | 'options' | 'actor'>;

/**
 * Asked in the transaction that records a deploy, or its approval. A lock refuses everything; a freeze all but
 * a rollback, and what says why it goes out all the same, which is recorded. Throws `app_locked` and `frozen`.
 */
export async function refuseWhenClosed(
  db: Database,
  place: GatePlace,
  asked: GateQuestion,
  now: Date,
): Promise<void> {
  const on = await findFreezes(db, place, asked, now);
  const { overrideFreeze } = asked.options;
  if (on.length === 0 || overrideFreeze === undefined) return;
  await recordEvent(db, {
    actor: asked.actor,
    action: 'freeze:override',
    appId: place.app.id,
    env: place.environment.name,
    detail: `${asked.kind} in freeze ${on.map((freeze) => freeze.id).join(', ')}: ${overrideFreeze}`,
  });
}

/** The same before an environment is made for a deploy that would be refused: nothing is recorded. */
export async function refuseNewPlace(db: Database, place: GatePlace, asked: GateQuestion): Promise<void> {
  const found = await findEnvironment(db, place.app.id, place.environment.name);
  if (found === undefined) await findFreezes(db, place, asked, new Date());
}

/** The freezes that are on, when there is a reason to go out in spite of them. Throws `app_locked` and `frozen`. */
async function findFreezes(
  db: Database,
  place: GatePlace,
  asked: GateQuestion,
  now: Date,
): Promise<readonly Freeze[]> {
  await refuseWhenLocked(db, place, now);
  // The way back stays open.
  if (asked.kind === 'rollback') return [];
  const known = await listFreezes(db, { appId: place.app.id, env: place.environment.name });
  const on = known.filter((freeze) => readFreezeState(freeze, now).frozen);
  const [first] = on;
  if (first !== undefined && asked.options.overrideFreeze === undefined) {
    throw describeFreeze(first, place, asked, now);
  }
  return on;
}

async function refuseWhenLocked(db: Database, { app, environment }: GatePlace, now: Date): Promise<void> {
  const locks = await listLocks(db, app.id, now);
  const lock = locks.find(({ env }) => env === null || env === environment.name);
  if (lock === undefined) return;
  const what = lock.env === null ? app.name : `${app.name}/${lock.env}`;
  const until = lock.expiresAt === null ? '' : ` until ${shortTime(lock.expiresAt)}`;
  const env = lock.env === null ? '' : ` -e ${lock.env}`;
  throw new Failure(
    'app_locked',
    `${what} is locked by ${lock.lockedBy} since ${shortTime(lock.lockedAt)}${until}: ${lock.message}`,
    { fix: `Ask ${lock.lockedBy}, or hawser apps:unlock -a ${app.name}${env}` },
  );
}

/** Whether a freeze is on, and when that changes next. */
export function readFreezeState(
  { window, zone }: Pick<Freeze, 'window' | 'zone'>,
  now: Date,
): { readonly frozen: boolean; readonly changesAt: string | null } {
  const parsed = parseFreezeWindow(window);
  if ('mistake' in parsed) throw new Error(`the ledger has a freeze that cannot be read: ${window}`);
  const changesAt = nextChange(parsed, zone, now)?.toISOString() ?? null;
  return { frozen: isFrozen(parsed, zone, now), changesAt };
}

function describeFreeze(freeze: Freeze, place: GatePlace, { kind }: GateQuestion, now: Date): Failure {
  const { changesAt } = readFreezeState(freeze, now);
  const until = changesAt === null ? '' : ` until ${shortTime(changesAt)}`;
  const push = kind === 'push' ? "git push -o 'override-freeze=REASON', or with a command " : '';
  const override = `${push}--override-freeze REASON`;
  return new Failure(
    'frozen',
    `${place.app.name}/${place.environment.name} is frozen${until}: ${freeze.reason} (freeze ${freeze.id}, ${freeze.window} ${freeze.zone})`,
    { fix: `Wait, or say why it cannot: ${override}; a rollback is always allowed.` },
  );
}

function shortTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
