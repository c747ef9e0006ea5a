import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import { hostOfTarget } from '../model/mail-address.ts';
import type { NoticeEvent, NoticeKind, Notification } from '../model/notice.ts';
import { type Database, joinTransaction } from './database.ts';
import { openSecret, placeOf, sealSecret } from './sealed/sealed.ts';
import type { Tables } from './tables.ts';

export type NewNotification = Pick<Notification, 'kind' | 'events' | 'appId'> & {
  readonly url: string;
  readonly actor: string;
};

/** Where a message goes, and with what it is signed. */
export type NotificationTarget = { readonly url: string; readonly secret: string | null };

/** `secret` is returned to be shown this once, for receivers that check a signature. */
export async function addNotification(
  db: Database,
  { kind, events, appId, url, actor }: NewNotification,
): Promise<{ notification: Notification; secret: string | null }> {
  const id = `n_${randomBytes(8).toString('hex')}`;
  const secret = kind === 'json' ? `whsec_${randomBytes(32).toString('base64')}` : null;
  const row = {
    id,
    kind,
    // Who knows the address of a chat's webhook may write there.
    target: sealSecret(db, placeOf.notification(id, 'target'), url),
    secret: secret === null ? null : sealSecret(db, placeOf.notification(id, 'secret'), secret),
    events: JSON.stringify(events),
    app_id: appId,
    created_at: new Date().toISOString(),
    created_by: actor,
  };
  await db.insertInto('notifications').values(row).execute();
  return { notification: toNotification(db, row), secret };
}

/** Without those of destroyed apps, of which nothing is told any more. */
export async function listNotifications(db: Database): Promise<readonly Notification[]> {
  const apps = db.selectFrom('apps').select('id').where('destroyed_at', 'is', null);
  const rows = await db
    .selectFrom('notifications')
    .selectAll()
    .where((eb) => eb.or([eb('app_id', 'is', null), eb('app_id', 'in', apps)]))
    .orderBy('created_at')
    .execute();
  return rows.map((row) => toNotification(db, row));
}

/** Throws `notification_not_found`. */
export async function getNotification(
  db: Database,
  id: string,
): Promise<{ notification: Notification; target: NotificationTarget }> {
  const row = await db.selectFrom('notifications').selectAll().where('id', '=', id).executeTakeFirst();
  if (row !== undefined) {
    const secret =
      row.secret === null ? null : openSecret(db, placeOf.notification(row.id, 'secret'), row.secret);
    return { notification: toNotification(db, row), target: { url: openTarget(db, row), secret } };
  }
  const named = JSON.stringify(id.slice(0, 80));
  throw new Failure('notification_not_found', `There is no notification ${named}.`);
}

/** Forgets it with what was not told yet. */
export async function removeNotification(db: Database, id: string): Promise<void> {
  await joinTransaction(db, async (tx) => {
    await tx.deleteFrom('notices').where('notification_id', '=', id).execute();
    await tx.deleteFrom('notifications').where('id', '=', id).execute();
  });
}

function openTarget(db: Database, row: Selectable<Tables['notifications']>): string {
  return openSecret(db, placeOf.notification(row.id, 'target'), row.target);
}

function toNotification(db: Database, row: Selectable<Tables['notifications']>): Notification {
  return {
    id: row.id,
    kind: row.kind as NoticeKind,
    host: hostOfTarget(openTarget(db, row)),
    events: JSON.parse(row.events) as NoticeEvent[],
    appId: row.app_id,
    ...{ apps: null, environments: null },
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}
