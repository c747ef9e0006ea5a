import type { Database } from './database.ts';

export type ReleaseRow = {
  readonly id: number;
  readonly appId: string;
  readonly app: string;
  readonly env: string;
  readonly environmentId: string;
  readonly version: number;
  readonly image: { readonly repository: string; readonly digest: string };
  readonly wentLiveAt: string | null;
  /** It is what its environment runs. */
  readonly current: boolean;
  /** A deploy that has not ended made it, or brings it back. */
  readonly unfinished: boolean;
};

/** Every release of every environment that is not destroyed, without what it is made of. */
export async function listReleaseRows(db: Database): Promise<readonly ReleaseRow[]> {
  const needed = await listNeeded(db);
  const rows = await db
    .selectFrom('releases')
    .innerJoin('environments', 'environments.id', 'releases.environment_id')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select(['releases.id', 'releases.environment_id', 'releases.version', 'releases.went_live_at'])
    .select(['releases.repository', 'releases.digest', 'environments.current_release_id'])
    .select(['environments.name as env', 'apps.id as app_id', 'apps.name as app'])
    .where('apps.destroyed_at', 'is', null)
    .where('environments.destroyed_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    appId: row.app_id,
    app: row.app,
    env: row.env,
    environmentId: row.environment_id,
    version: row.version,
    image: { repository: row.repository, digest: row.digest },
    wentLiveAt: row.went_live_at,
    current: row.id === row.current_release_id,
    unfinished: needed.has(row.id),
  }));
}

async function listNeeded(db: Database): Promise<ReadonlySet<number>> {
  const rows = await db
    .selectFrom('deploys')
    .select(['release_id', 'from_release_id'])
    .where('ended_at', 'is', null)
    .execute();
  return new Set(
    rows
      .flatMap(({ release_id, from_release_id }) => [release_id, from_release_id])
      .filter((id) => id !== null),
  );
}

/** Apps that may have an image which no release names yet: they are being built or published. */
export async function listAppsInBuild(db: Database): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('deploys')
    .innerJoin('environments', 'environments.id', 'deploys.environment_id')
    .select('environments.app_id')
    .distinct()
    .where('deploys.ended_at', 'is', null)
    .where('deploys.release_id', 'is', null)
    .where('deploys.kind', '=', 'push')
    .execute();
  return new Set(rows.map((row) => row.app_id));
}

/** True while some deploy is on its way; one that waits for a person is not. */
export async function hasWork(db: Database): Promise<boolean> {
  const row = await db
    .selectFrom('deploys')
    .select('id')
    .where('ended_at', 'is', null)
    .where('hold', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}
