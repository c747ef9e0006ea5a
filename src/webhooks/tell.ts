import { Failure } from '../failure.ts';
import type { Notice, NoticeEvent, NoticeMessage, Notification } from '../model/notice.ts';
import { type OutboundOptions, postOutbound } from '../outbound/post.ts';
import { findPlace } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { findDeploy, getSource } from '../store/deploys.ts';
import {
  claimNotice,
  forgetHappening,
  type Happening,
  listDueNotices,
  listHappenings,
  recordNotices,
  recordTry,
} from '../store/notices.ts';
import { getNotification, listNotifications } from '../store/notifications.ts';
import { describeDeployEvent, describeServerEvent, renderNotice } from './message.ts';

export type TellParts = Pick<OutboundOptions, 'rules' | 'look' | 'timeoutMs'> & { readonly db: Database };

const batch = 50;
const minuteMs = 60_000;
// About a day in all.
const retriesMs = [
  10_000,
  minuteMs,
  5 * minuteMs,
  30 * minuteMs,
  120 * minuteMs,
  360 * minuteMs,
  900 * minuteMs,
];

/** Makes messages of what happened and sends those that are due, side by side; deploys never wait for it. */
export async function tellPeople(parts: TellParts, signal: AbortSignal): Promise<void> {
  await makeNotices(parts.db);
  const due = await listDueNotices(parts.db, Date.now(), batch);
  await Promise.all(due.map((notice) => sendOne(notice, parts, signal)));
}

async function makeNotices(db: Database): Promise<void> {
  const happened = await listHappenings(db, batch);
  if (happened.length === 0) return;
  const receivers = await listNotifications(db);
  for (const happening of happened) {
    const told = await describe(happening, db);
    if (told === null) await forgetHappening(db, happening.id);
    else {
      const wants = (each: Notification) =>
        each.events.includes(happening.event as NoticeEvent) &&
        (each.appId === null || each.appId === told.appId);
      await recordNotices(db, happening, told.message, receivers.filter(wants));
    }
  }
}

/** Null for what is gone by now. */
async function describe(
  { event, deploy_id: deployId, server }: Happening,
  db: Database,
): Promise<{ message: NoticeMessage; appId: string | null } | null> {
  const type = event as NoticeEvent;
  const now = new Date().toISOString();
  if (server !== null) return { message: describeServerEvent(type, now, server), appId: null };
  const deploy = deployId === null ? undefined : await findDeploy(db, deployId);
  const place = deploy && (await findPlace(db, deploy.environmentId));
  if (deploy === undefined || place === undefined) return null;
  const source = deploy.sourceId === null ? null : await getSource(db, deploy.sourceId);
  const names = { app: place.app.name, env: place.environment.name };
  const what = { ...names, commit: source?.commit ?? null };
  return { message: describeDeployEvent(type, now, { ...deploy, ...what }), appId: place.app.id };
}

async function sendOne(notice: Notice, parts: TellParts, signal: AbortSignal): Promise<void> {
  const { db } = parts;
  const wait = retriesMs[notice.attempts];
  const nextMs = Date.now() + (wait ?? 0);
  if (!(await claimNotice(db, notice, Date.now() + (wait ?? minuteMs)))) return;
  const tried = await tryOnce(notice, parts, signal);
  const isSent = tried.status !== null && tried.status >= 200 && tried.status < 300;
  const isOver = wait === undefined || tried.isFinal;
  const { status, answer } = tried;
  const state = isSent ? 'sent' : isOver ? 'failed' : 'waiting';
  await recordTry(db, notice.id, { state, status, answer, nextMs });
}

type Tried = { readonly status: number | null; readonly answer: string | null; readonly isFinal: boolean };

/** Sends a message once. What goes wrong is in the answer, for people. */
export async function tryOnce(
  { id, notificationId, message }: Pick<Notice, 'id' | 'notificationId' | 'message'>,
  { db, ...outbound }: TellParts,
  signal: AbortSignal,
): Promise<Tried> {
  try {
    const { notification, target } = await getNotification(db, notificationId);
    const post = renderNotice(notification.kind, target, { id, message, now: new Date() });
    const { status, text } = await postOutbound(post, { ...outbound, signal });
    return { status, answer: text, isFinal: status === 410 };
  } catch (error) {
    const isFinal = error instanceof Failure && error.code !== 'host_not_found';
    return { status: null, answer: (error as Error).message, isFinal };
  }
}
