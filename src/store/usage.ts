import type { Database } from './database.ts';

/** What an actor has of what is limited for each. */
export type Usage = {
  /** ISO 8601 of the pushes after a time, the oldest first. */
  readonly pushes: readonly string[];
  /** Deploys of pushes that wait or are built, outside of one environment. */
  readonly waiting: number;
  /** Bytes of the repositories and logs of their apps. */
  readonly bytes: number;
};

export async function readUsage(
  db: Database,
  where: { readonly actor: string; readonly since: string; readonly besides: string },
): Promise<Usage> {
  const { actor, since, besides } = where;
  const pushes = await db
    .selectFrom('deploys')
    .select('created_at')
    .where('actor', '=', actor)
    .where('kind', 'in', ['push', 'image'])
    .where('created_at', '>', since)
    .orderBy('created_at')
    .execute();
  const { waiting } = await db
    .selectFrom('deploys')
    .select((eb) => eb.fn.countAll<number>().as('waiting'))
    .where('actor', '=', actor)
    .where('kind', 'in', ['push', 'image'])
    .where('ended_at', 'is', null)
    .where('state', 'in', ['queued', 'building', 'testing', 'publishing'])
    .where('environment_id', '!=', besides)
    .executeTakeFirstOrThrow();
  const bytes = await countBytes(db, actor);
  return { pushes: pushes.map((row) => row.created_at), waiting, bytes };
}

async function countBytes(db: Database, actor: string): Promise<number> {
  const repositories = await db
    .selectFrom('apps')
    .select((eb) => eb.fn.sum<number>('bytes').as('bytes'))
    .where('created_by', '=', actor)
    .where('destroyed_at', 'is', null)
    .executeTakeFirst();
  const logs = await db
    .selectFrom('journals')
    .innerJoin('deploys', 'deploys.id', 'journals.deploy_id')
    .innerJoin('environments', 'environments.id', 'deploys.environment_id')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select((eb) => eb.fn.sum<number>('journals.bytes').as('bytes'))
    .where('apps.created_by', '=', actor)
    .where('apps.destroyed_at', 'is', null)
    .executeTakeFirst();
  return Number(repositories?.bytes ?? 0) + Number(logs?.bytes ?? 0);
}

/** Notes what an app's repository takes on disk. */
export async function noteBytes(db: Database, appId: string, bytes: number): Promise<void> {
  await db.updateTable('apps').set({ bytes }).where('id', '=', appId).execute();
}

/** How many apps somebody made that are there. */
export async function countApps(db: Database, actor: string): Promise<number> {
  const { count } = await db
    .selectFrom('apps')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('created_by', '=', actor)
    .where('destroyed_at', 'is', null)
    .executeTakeFirstOrThrow();
  return count;
}
