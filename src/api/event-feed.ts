import { Failure } from '../failure.ts';
import { type Actor, allow } from '../model/access.ts';
import type { Database } from '../store/database.ts';
import { type EventRow, findNewestEvent, listEventsAfter } from '../store/events.ts';
import { type AppNames, nameApp, readAppNames } from './app-names.ts';
import type { ServerEvent } from './stream.ts';

/** Tells everybody who waits that the ledger has new events: one look for all of them. */
export type EventFeed = {
  /** Resolves once there is an event behind a number. Rejects when the signal aborts. */
  untilNewer(than: number, signal: AbortSignal): Promise<void>;
};

const lookMs = 250;
const batch = 200;

type Waiting = { readonly than: number; wake(): void };

/** Other processes write to the ledger too, so it is looked at, but only while somebody waits. */
export function openEventFeed(db: Database): EventFeed {
  const waiting = new Set<Waiting>();
  let timer: NodeJS.Timeout | undefined;
  const look = async () => {
    const newest = await findNewestEvent(db);
    for (const one of [...waiting]) if (newest > one.than) one.wake();
  };
  const plan = () => {
    timer = setTimeout(async () => {
      timer = undefined;
      // A ledger that is busy or closing is looked at again as long as somebody waits.
      await look().catch(() => undefined);
      if (waiting.size > 0 && timer === undefined) plan();
    }, lookMs);
  };
  return {
    untilNewer(than, signal) {
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.delete(one);
          signal.removeEventListener('abort', abort);
          if (waiting.size === 0) clearTimeout(timer);
          if (waiting.size === 0) timer = undefined;
        };
        const wake = () => {
          leave();
          resolve();
        };
        const abort = () => {
          leave();
          reject(signal.reason);
        };
        const one = { than, wake };
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        waiting.add(one);
        if (timer === undefined) plan();
      });
    },
  };
}

/** What happened, as the API shows it; `deploy` is the number of the one that it is about. Pure. */
export function describeEvent({ app_id, detail, ...row }: EventRow, names: AppNames) {
  const deploy = /^deploy (\d+)(?:: (\w+))?$/.exec(row.action.startsWith('deploy:') ? detail : '');
  return {
    ...row,
    app: nameApp(names, app_id),
    deploy: deploy === null ? null : Number(deploy[1]),
    detail: deploy === null ? detail : (deploy[2] ?? ''),
  };
}

/** Whether somebody may know of it: of an environment, an app, or the installation. Pure. */
export function mayKnow(
  actor: Pick<Actor, 'grants'>,
  { app_id, env }: Pick<EventRow, 'app_id' | 'env'>,
): boolean {
  if (app_id === null) return allow(actor, 'read', null);
  return allow(actor, 'read', { app: { id: app_id }, ...(env === null ? {} : { env }) });
}

/** Events behind a number as they come; `id` is where a follower goes on. */
export async function* followEvents(
  { db, feed, actor }: FollowParts,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  let after = from;
  while (!signal.aborted) {
    const rows = await listEventsAfter(db, after, batch);
    const known = rows.filter((row) => mayKnow(actor, row));
    const names = known.length === 0 ? new Map() : await readAppNames(db);
    for (const row of known) yield { id: String(row.id), data: describeEvent(row, names) };
    after = rows.at(-1)?.id ?? after;
    if (rows.length < batch) await feed.untilNewer(after, signal);
  }
}

export type FollowParts = {
  readonly db: Database;
  readonly feed: EventFeed;
  readonly actor: Pick<Actor, 'grants'>;
};

/** The number that `Last-Event-ID` names; what happens from now on without one. Throws `invalid_input`. */
export async function readStart(db: Database, lastEventId: string | undefined): Promise<number> {
  if (lastEventId === undefined) return findNewestEvent(db);
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new Failure('invalid_input', 'Last-Event-ID: must be the id of an event.');
}
