import { nearest } from '../../config/mistakes.ts';
import { Failure } from '../../failure.ts';
import { isTimeZone, parseFreezeWindow } from '../../model/freeze-window.ts';
import type { Database } from '../../store/database.ts';
import { recordEvent } from '../../store/events.ts';
import { type Freeze, recordFreeze, removeFreeze } from '../../store/freezes.ts';

export type FreezeWish = Pick<Freeze, 'appId' | 'env' | 'window' | 'zone' | 'reason'>;

/** From now on nothing is deployed in the window. Throws `freeze_invalid`. */
export async function addFreeze(wanted: FreezeWish, actor: string, db: Database, now: Date): Promise<Freeze> {
  const parsed = parseFreezeWindow(wanted.window);
  if ('mistake' in parsed) {
    throw new Failure('freeze_invalid', `The window ${JSON.stringify(wanted.window)}: ${parsed.mistake}.`);
  }
  if (!isTimeZone(wanted.zone)) throw unknownZone(wanted.zone);
  return db.transaction().execute(async (tx) => {
    const freeze = await recordFreeze(tx, { ...wanted, createdBy: actor, createdAt: now.toISOString() });
    await recordFreezeEvent('freeze:add', freeze, actor, tx);
    return freeze;
  });
}

function unknownZone(zone: string): Failure {
  const hint = nearest(zone, Intl.supportedValuesOf('timeZone')) ?? 'use a name like Europe/Berlin or UTC';
  return new Failure('freeze_invalid', `There is no time zone ${JSON.stringify(zone)}; ${hint}`);
}

/** Ends a freeze for good; with an app only one of that app alone. Throws `freeze_not_found`. */
export async function endFreeze(
  { id, appId }: { readonly id: number; readonly appId: string | null },
  actor: string,
  db: Database,
): Promise<Freeze> {
  return db.transaction().execute(async (tx) => {
    const freeze = await removeFreeze(tx, id, appId);
    await recordFreezeEvent('freeze:remove', freeze, actor, tx);
    return freeze;
  });
}

async function recordFreezeEvent(action: string, freeze: Freeze, actor: string, tx: Database): Promise<void> {
  const { id, appId, env, window, zone, reason } = freeze;
  await recordEvent(tx, { actor, action, appId, env, detail: `${id}: ${window} ${zone}: ${reason}` });
}
