import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Notice, NoticeMessage, Notification } from '../model/notice.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type Happening = Selectable<Tables['happenings']>;

export async function listHappenings(db: Database, limit: number): Promise<readonly Happening[]> {
  return db.selectFrom('happenings').selectAll().orderBy('id').limit(limit).execute();
}

/** Turns what happened into one message for each who wants to hear of it: both or nothing. */
export async function recordNotices(
  db: Database,
  happening: Happening,
  message: NoticeMessage,
  receivers: readonly Pick<Notification, 'id'>[],
): Promise<void> {
  const now = new Date();
  await db.transaction().execute(async (tx) => {
    const gone = await tx.deleteFrom('happenings').where('id', '=', happening.id).executeTakeFirst();
    // Another worker was here first.
    if (gone.numDeletedRows === 0n) return;
    for (const { id } of receivers) {
      await tx
        .insertInto('notices')
        .values({
          ...{ id: `msg_${randomBytes(12).toString('hex')}`, notification_id: id, state: 'waiting' },
          ...{ message: JSON.stringify(message), next_ms: now.getTime(), created_at: now.toISOString() },
        })
        .execute();
    }
  });
}

export async function forgetHappening(db: Database, id: number): Promise<void> {
  await db.deleteFrom('happenings').where('id', '=', id).execute();
}

// Who has more than these due is busy when others are looked for.
const mostSeen = 500;

/** What is to be sent now: to each receiver the oldest, but to those that are busy nothing. */
export async function listDueNotices(
  db: Database,
  nowMs: number,
  { busy, limit }: { readonly busy: readonly string[]; readonly limit: number },
): Promise<readonly Notice[]> {
  const rows = await db
    .selectFrom('notices')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('next_ms', '<=', nowMs)
    .where('notification_id', 'not in', busy)
    .orderBy('next_ms')
    .orderBy('created_at')
    .limit(mostSeen)
    .execute();
  const first = new Map(rows.toReversed().map((row) => [row.notification_id, row]));
  return rows
    .filter((row) => first.get(row.notification_id) === row)
    .slice(0, limit)
    .map(toNotice);
}

/** Takes a message for one try; false when another worker has it. A kill in the middle is tried again at `nextMs`. */
export async function claimNotice(
  db: Database,
  { id, attempts }: Pick<Notice, 'id' | 'attempts'>,
  nextMs: number,
): Promise<boolean> {
  const claimed = await db
    .updateTable('notices')
    .set({ attempts: attempts + 1, next_ms: nextMs })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  return claimed.numUpdatedRows > 0n;
}

export type NoticeTry = Pick<Notice, 'state' | 'status' | 'answer'> & { readonly nextMs: number };

export async function recordTry(db: Database, id: string, tried: NoticeTry): Promise<void> {
  const { state, status, answer, nextMs } = tried;
  await db
    .updateTable('notices')
    .set({
      ...{ state, status, answer: answer?.slice(0, 1024) ?? null, next_ms: nextMs },
      ended_at: state === 'waiting' ? null : new Date().toISOString(),
    })
    .where('id', '=', id)
    .execute();
}

/** The newest first. */
export async function listNotices(
  db: Database,
  notificationId: string,
  limit: number,
): Promise<readonly Notice[]> {
  const rows = await db
    .selectFrom('notices')
    .selectAll()
    .where('notification_id', '=', notificationId)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toNotice);
}

// One look that finds nobody may be a hiccup.
const lostAfter = 3;

/** Notes whether a server was reached; the third look in a row that found nobody is told, and the first that did again. */
export async function noteReached(db: Database, server: string, reached: boolean): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const known = await tx.selectFrom('reached').selectAll().where('server', '=', server).executeTakeFirst();
    const before = known?.lost_looks ?? 0;
    const looks = reached ? 0 : before + 1;
    if (looks === before || (!reached && before > lostAfter)) return;
    await tx
      .insertInto('reached')
      .values({ server, lost_looks: looks })
      .onConflict((conflict) => conflict.column('server').doUpdateSet({ lost_looks: looks }))
      .execute();
    const event = looks === lostAfter ? 'server.lost' : reached && before >= lostAfter ? 'server.back' : null;
    if (event !== null) await tx.insertInto('happenings').values({ event, server }).execute();
  });
}

/** Forgets what came before a time (ISO 8601) and is over. */
export async function forgetNotices(db: Database, before: string): Promise<void> {
  await db.deleteFrom('notices').where('created_at', '<', before).where('state', '!=', 'waiting').execute();
}

function toNotice(row: Selectable<Tables['notices']>): Notice {
  return {
    id: row.id,
    notificationId: row.notification_id,
    message: JSON.parse(row.message),
    state: row.state as Notice['state'],
    attempts: row.attempts,
    status: row.status,
    answer: row.answer,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
