import type { Selectable } from 'kysely';
import { recordDone } from './audit.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type RecordedEvent = {
  readonly actor: string;
  /** `noun:verb`, like the command. */
  readonly action: string;
  readonly appId: string | null;
  readonly env: string | null;
  /** What it was about, never a secret. */
  readonly detail: string;
};

/** Records what a person did that is no deploy by itself; with it the entry of the audit log, when somebody asked for it. */
export async function recordEvent(db: Database, { appId, ...event }: RecordedEvent): Promise<void> {
  const at = new Date().toISOString();
  await db
    .insertInto('events')
    .values({ ...event, app_id: appId, at })
    .execute();
  const object = event.detail === '' ? null : event.detail;
  await recordDone(db, { env: event.env, object });
}

/** The newest first. */
export async function listEvents(
  db: Database,
  where: { appId?: string; limit: number },
): Promise<readonly Selectable<Tables['events']>[]> {
  const query = db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(where.limit);
  return (where.appId === undefined ? query : query.where('app_id', '=', where.appId)).execute();
}
