import { Failure } from '../failure.ts';
import type { Deploy } from '../model/deploy.ts';
import { isFrozen, nextChange } from '../model/freeze.ts';
import { parseFreezeWindow } from '../model/freeze-window.ts';
import type { Database } from '../store/database.ts';
import { recordEvent } from '../store/events.ts';
import { type Freeze, listFreezes } from '../store/freezes.ts';
import { listLocks } from '../store/locks.ts';

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
  await refuseWhenLocked(db, place, now);
  // The way back stays open.
  if (asked.kind === 'rollback') return;
  const on = (await listFreezesOf(db, place)).filter((freeze) => readFreezeState(freeze, now).frozen);
  const [first] = on;
  if (first === undefined) return;
  const { overrideFreeze } = asked.options;
  if (overrideFreeze === undefined) throw describeFreeze(first, place, asked, now);
  await recordEvent(db, {
    actor: asked.actor,
    action: 'freeze:override',
    appId: place.app.id,
    env: place.environment.name,
    detail: `${asked.kind} in freeze ${on.map((freeze) => freeze.id).join(', ')}: ${overrideFreeze}`,
  });
}

function listFreezesOf(db: Database, { app, environment }: GatePlace): Promise<readonly Freeze[]> {
  return listFreezes(db, { appId: app.id, env: environment.name });
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
  const override = kind === 'push' ? "git push -o 'override-freeze=REASON'" : '--override-freeze REASON';
  return new Failure(
    'frozen',
    `${place.app.name}/${place.environment.name} is frozen${until}: ${freeze.reason} (freeze ${freeze.id}, ${freeze.window} ${freeze.zone})`,
    { fix: `Wait, or say why it cannot: ${override}; a rollback is always allowed.` },
  );
}

function shortTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
