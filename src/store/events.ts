import { type Selectable, sql } from 'kysely';
import { recordDone } from './audit/audit.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type EventRow = Selectable<Tables['events']>;

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
): Promise<readonly EventRow[]> {
  const query = db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(where.limit);
  return (where.appId === undefined ? query : query.where('app_id', '=', where.appId)).execute();
}

/** The last that a person changed in an environment. */
export async function findLastEvent(
  db: Database,
  { appId, env }: { readonly appId: string; readonly env: string },
): Promise<EventRow | undefined> {
  return db
    .selectFrom('events')
    .selectAll()
    .where('app_id', '=', appId)
    .where('env', '=', env)
    .where('action', 'not like', 'deploy:%')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Records the state that deploys have now; for the transaction that brings them there. */
export async function recordDeployStates(tx: Database, deployIds: readonly number[]): Promise<void> {
  if (deployIds.length === 0) return;
  const failure = sql<string>`case when deploys.failure_code is null then '' else ': ' || deploys.failure_code end`;
  await tx
    .insertInto('events')
    .columns(['at', 'actor', 'action', 'app_id', 'env', 'detail'])
    .expression((eb) =>
      eb
        .selectFrom('deploys')
        .innerJoin('environments', 'environments.id', 'deploys.environment_id')
        .select([
          eb.val(new Date().toISOString()).as('at'),
          'deploys.actor',
          sql<string>`'deploy:' || deploys.state`.as('action'),
          'environments.app_id',
          'environments.name',
          sql<string>`'deploy ' || deploys.id || ${failure}`.as('detail'),
        ])
        .where('deploys.id', 'in', [...deployIds]),
    )
    .execute();
}

/** Events behind a number, the oldest first. */
export async function listEventsAfter(
  db: Database,
  after: number,
  limit: number,
): Promise<readonly EventRow[]> {
  return db.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute();
}

/** Events in front of a number, the newest first. */
export async function listEventsBefore(
  db: Database,
  before: number | undefined,
  limit: number,
): Promise<readonly EventRow[]> {
  const query = db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(limit);
  return (before === undefined ? query : query.where('id', '<', before)).execute();
}

/** The number of the newest event; 0 when there is none. */
export async function findNewestEvent(db: Database): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst();
  return Number(row?.id ?? 0);
}
