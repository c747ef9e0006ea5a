import { type Notice, type NoticeEvent, type NoticeMessage, wantsNotice } from '../model/notice.ts';
import { findPlace } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { findDeploy } from '../store/deploys.ts';
import {
  claimNotice,
  forgetHappening,
  type Happening,
  listDueNotices,
  listHappenings,
  recordNotices,
  recordTry,
} from '../store/notices.ts';
import { readDeployRedactor } from '../store/redaction.ts';
import { readVersions } from '../store/releases.ts';
import { getSource } from '../store/sources.ts';
import { type TellParts, tryOnce } from './deliver.ts';
import { type Lines, type LineWork, openLines } from './lines.ts';
import { describeDeployEvent, describeServerEvent } from './message.ts';
import { listReceivers } from './receivers.ts';

const batch = 50;
// Receivers that are told at once.
const mostLines = 16;
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

/** Makes messages of what happened and sends those that are due; deploys never wait for it. */
export async function tellPeople(parts: TellParts, signal: AbortSignal): Promise<void> {
  const errors: unknown[] = [];
  const lines = openTellLines(parts, signal, {
    onDone: () => undefined,
    onError: (error) => void errors.push(error),
  });
  await makeNotices(parts);
  while ((await lines.fill()) > 0) await lines.settle();
  if (errors.length > 0) throw errors[0];
}

export type Teller = {
  /** Makes messages of what happened and begins with those that are due. */
  tell(): Promise<void>;
};

/** The same without an end: each receiver gets its messages one after another, and who is slow delays nobody else. */
export function openTeller(parts: TellParts, signal: AbortSignal, onError: (error: unknown) => void): Teller {
  const goOn = () => void (signal.aborted || lines.fill().catch(onError));
  const lines = openTellLines(parts, signal, { onDone: goOn, onError });
  return {
    async tell() {
      await makeNotices(parts);
      await lines.fill();
    },
  };
}

function openTellLines(
  parts: TellParts,
  signal: AbortSignal,
  told: Pick<LineWork<Notice>, 'onDone' | 'onError'>,
): Lines {
  return openLines<Notice>({
    most: mostLines,
    lineOf: ({ notificationId }) => notificationId,
    list: (busy, limit) => listDueNotices(parts.db, Date.now(), { busy, limit }),
    perform: (notice) => sendOne(notice, parts, signal),
    ...told,
  });
}

async function makeNotices({ db, hidden, receivers: ofFile }: TellParts): Promise<void> {
  const happened = await listHappenings(db, batch);
  if (happened.length === 0) return;
  const receivers = await listReceivers(db, ofFile);
  for (const happening of happened) {
    const told = await describe(happening, db, hidden);
    if (told === null) await forgetHappening(db, happening.id);
    else {
      const { message, appId } = told;
      const event = happening.event as NoticeEvent;
      const wanting = receivers.filter((each) => wantsNotice(each, event, { ...message.data, appId }));
      await recordNotices(db, happening, message, wanting);
    }
  }
}

/** Null for what is gone by now. */
async function describe(
  { event, deploy_id: deployId, server }: Happening,
  db: Database,
  hidden: readonly string[],
): Promise<{ message: NoticeMessage; appId: string | null } | null> {
  const type = event as NoticeEvent;
  const now = new Date().toISOString();
  if (server !== null) return { message: describeServerEvent(type, now, server), appId: null };
  const deploy = deployId === null ? undefined : await findDeploy(db, deployId);
  const place = deploy && (await findPlace(db, deploy.environmentId));
  if (deploy === undefined || place === undefined) return null;
  const source = deploy.sourceId === null ? null : await getSource(db, deploy.sourceId);
  const versions = await readVersions(db, deploy.releaseId === null ? [] : [deploy.releaseId]);
  const release = versions.get(deploy.releaseId ?? 0) ?? null;
  const what = { app: place.app.name, env: place.environment.name, source, release };
  const redactor = await readDeployRedactor(db, deploy.id, hidden);
  const message = describeDeployEvent(type, now, { ...deploy, ...what }, redactor.text);
  return { message, appId: place.app.id };
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
