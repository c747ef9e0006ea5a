import type { Config, ReceiverConfig } from '../config.ts';
import { hostOfTarget } from '../model/mail-address.ts';
import type { Notification } from '../model/notice.ts';
import type { Database } from '../store/database.ts';
import { getNotification, listNotifications, type NotificationTarget } from '../store/notifications.ts';

export type Receivers = Config['notifications']['receivers'];

const front = 'file:';

/** Everybody who is told what happens: those of deploy.config.json, then those that were added. */
export async function listReceivers(db: Database, receivers: Receivers): Promise<readonly Notification[]> {
  const named = Object.entries(receivers).map(([name, receiver]) => describeReceiver(name, receiver));
  return [...named, ...(await listNotifications(db))];
}

/** Throws `notification_not_found`. */
export async function getReceiver(
  id: string,
  db: Database,
  receivers: Receivers,
): Promise<{ notification: Notification; target: NotificationTarget }> {
  const name = isOfFile(id) ? id.slice(front.length) : '';
  const receiver = Object.hasOwn(receivers, name) ? receivers[name] : undefined;
  if (receiver === undefined) return getNotification(db, id);
  const { to: url, secret } = receiver;
  return { notification: describeReceiver(name, receiver), target: { url, secret } };
}

/** Whether an id is that of a receiver that deploy.config.json names, or named once. */
export function isOfFile(id: string): boolean {
  return id.startsWith(front);
}

function describeReceiver(
  name: string,
  { kind, to, events, apps, environments }: ReceiverConfig,
): Notification {
  return {
    ...{ id: front + name, kind, host: hostOfTarget(to), events },
    ...{ appId: null, apps, environments },
    ...{ createdAt: null, createdBy: 'deploy.config.json' },
  };
}
