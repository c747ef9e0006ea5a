import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import type { Release } from '../model/release.ts';
import { restoreVariables } from './changes.ts';
import type { Database } from './database.ts';
import { openRelease, sealRelease } from './sealed/sealed.ts';
import type { Tables } from './tables.ts';

export type NewRelease = Omit<Release, 'id' | 'version' | 'createdAt' | 'wentLiveAt' | 'outside' | 'app'> &
  Partial<Pick<Release, 'outside'>>;

/** Records a release under the environment's next number; the same deploy makes only one. */
export async function recordRelease(db: Database, wanted: NewRelease): Promise<Release> {
  return db.transaction().execute(async (tx) => {
    const made = await tx
      .selectFrom('releases')
      .selectAll()
      .where('deploy_id', '=', wanted.deployId)
      .executeTakeFirst();
    if (made) return toRelease(tx, made);
    const { last_version } = await tx
      .updateTable('environments')
      .set((eb) => ({ last_version: eb('last_version', '+', 1) }))
      .where('id', '=', wanted.environmentId)
      .returning('last_version')
      .executeTakeFirstOrThrow();
    const { app } = await tx
      .selectFrom('environments')
      .innerJoin('apps', 'apps.id', 'environments.app_id')
      .select('apps.name as app')
      .where('environments.id', '=', wanted.environmentId)
      .executeTakeFirstOrThrow();
    const row = await tx
      .insertInto('releases')
      .values({
        ...toRow(wanted, last_version),
        app,
        ...sealRelease(tx, { ...wanted, version: last_version }, wanted),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toRelease(tx, row);
  });
}

function toRow(wanted: NewRelease, version: number) {
  return {
    environment_id: wanted.environmentId,
    version,
    repository: wanted.image.repository,
    digest: wanted.image.digest,
    processes: JSON.stringify(wanted.processes),
    release_command: wanted.releaseCommand === null ? null : JSON.stringify(wanted.releaseCommand),
    port: wanted.port,
    health: wanted.health === null ? null : JSON.stringify(wanted.health),
    resources: JSON.stringify(wanted.resources),
    commit_oid: wanted.commit,
    author: wanted.author,
    message: wanted.message,
    actor: wanted.actor,
    deploy_id: wanted.deployId,
    rollback_of: wanted.rollbackOf,
    outside: JSON.stringify(wanted.outside ?? {}),
    domains: JSON.stringify(wanted.domains),
    image_deploy_id: wanted.imageDeployId,
    promoted_from: wanted.promotedFrom,
    went_live_at: null,
    created_at: new Date().toISOString(),
  };
}

/** Throws `release_not_found`. */
export async function getRelease(db: Database, id: number): Promise<Release> {
  const row = await db.selectFrom('releases').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new Failure('release_not_found', `There is no release with the number ${id}.`);
  return toRelease(db, row);
}

/** The numbers of releases, without what is sealed in them. */
export async function readVersions(
  db: Database,
  ids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('releases').select(['id', 'version']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** The number that was given last in an environment; 0 before the first. */
export async function findLastVersion(db: Database, environmentId: string): Promise<number> {
  const row = await db
    .selectFrom('environments')
    .select('last_version')
    .where('id', '=', environmentId)
    .executeTakeFirst();
  return row?.last_version ?? 0;
}

export async function findReleaseByVersion(
  db: Database,
  environmentId: string,
  version: number,
): Promise<Release | undefined> {
  const row = await db
    .selectFrom('releases')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('version', '=', version)
    .executeTakeFirst();
  return row && toRelease(db, row);
}

/** Releases whose image's digest begins so, the newest first. */
export async function listReleasesByDigest(
  db: Database,
  environmentId: string,
  prefix: string,
): Promise<readonly Release[]> {
  const rows = await db
    .selectFrom('releases')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('digest', '>=', prefix)
    .where('digest', '<', `${prefix}~`)
    .orderBy('version', 'desc')
    .execute();
  return rows.map((row) => toRelease(db, row));
}

/** The value of a variable in the newest release of an environment that has it. */
export async function findNewestValue(
  db: Database,
  environmentId: string,
  name: string,
): Promise<string | undefined> {
  const rows = await db
    .selectFrom('releases')
    .select(['environment_id', 'version', 'config', 'defaults', 'sealed_by'])
    .where('environment_id', '=', environmentId)
    .orderBy('version', 'desc')
    .execute();
  for (const row of rows) {
    const { config } = openRelease(db, row);
    if (Object.hasOwn(config, name)) return config[name];
  }
  return undefined;
}

/** The release that a deploy made, if it came that far. */
export async function findReleaseOfDeploy(db: Database, deployId: number): Promise<Release | undefined> {
  const query = db.selectFrom('releases').selectAll().where('deploy_id', '=', deployId);
  const row = await query.executeTakeFirst();
  return row && toRelease(db, row);
}

/** Versions after a release whose release command was begun, the oldest first. */
export async function listReleaseCommandsSince(
  db: Database,
  { environmentId, version }: Release,
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('releases')
    .innerJoin('steps', 'steps.deploy_id', 'releases.deploy_id')
    .select('releases.version')
    .where('releases.environment_id', '=', environmentId)
    .where('releases.version', '>', version)
    .where('steps.name', '=', 'release-command')
    .orderBy('releases.version')
    .execute();
  return rows.map((row) => row.version);
}

/**
 * Brings a release that was made while its deploy waited in line with what is set when its turn comes: not once its
 * rollout began, and not for a worker that lost it.
 */
export async function settleRelease(
  db: Database,
  held: { id: number; epoch: number },
  release: Release,
  settled: Pick<Release, 'config' | 'outside' | 'processes' | 'domains'>,
): Promise<Release> {
  return db.transaction().execute(async (tx) => {
    const waiting = await tx
      .selectFrom('deploys')
      .select('id')
      .where('id', '=', held.id)
      .where('epoch', '=', held.epoch)
      .where('state', '=', 'releasing')
      .executeTakeFirst();
    if (waiting === undefined) return release;
    const { config, outside, processes, domains } = settled;
    const texts = {
      ...sealRelease(tx, release, { config, defaults: release.defaults }),
      outside: JSON.stringify(outside),
      processes: JSON.stringify(processes),
      domains: JSON.stringify(domains),
    };
    await tx
      .updateTable('releases')
      .set(texts)
      .where('id', '=', release.id)
      .where('went_live_at', 'is', null)
      .execute();
    return getRelease(tx, release.id);
  });
}

/** The release that was live before this one. */
export async function findLiveBefore(db: Database, release: Release): Promise<Release | undefined> {
  const row = await db
    .selectFrom('releases')
    .selectAll()
    .where('environment_id', '=', release.environmentId)
    .where('version', '<', release.version)
    .where('went_live_at', 'is not', null)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && toRelease(db, row);
}

/** Newest first. */
export async function listReleases(
  db: Database,
  environmentId: string,
  page: { before?: number; limit: number },
): Promise<readonly Release[]> {
  let query = db
    .selectFrom('releases')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .orderBy('version', 'desc')
    .limit(page.limit);
  if (page.before !== undefined) query = query.where('version', '<', page.before);
  return (await query.execute()).map((row) => toRelease(db, row));
}

/** The release now has all the traffic: one transaction makes it the environment's and marks the deploy. */
export async function switchRelease(
  db: Database,
  held: { id: number; epoch: number },
  release: Release,
): Promise<void> {
  const now = new Date().toISOString();
  await db.transaction().execute(async (tx) => {
    const done = await tx
      .updateTable('deploys')
      .set({ switched_at: now })
      .where('id', '=', held.id)
      .where('epoch', '=', held.epoch)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    if (done.numUpdatedRows === 0n) {
      throw new Failure('lease_lost', `Deploy ${held.id} is held by a newer worker.`);
    }
    await tx
      .updateTable('environments')
      .set({ current_release_id: release.id })
      .where('id', '=', release.environmentId)
      .execute();
    await tx.updateTable('releases').set({ went_live_at: now }).where('id', '=', release.id).execute();
    if (release.rollbackOf !== null) await restoreVariables(tx, release);
  });
}

function toRelease(db: Database, row: Selectable<Tables['releases']>): Release {
  const opened = openRelease(db, row);
  return {
    id: row.id,
    environmentId: row.environment_id,
    app: row.app,
    version: row.version,
    image: { repository: row.repository, digest: row.digest },
    get config() {
      return opened.config;
    },
    processes: JSON.parse(row.processes),
    releaseCommand: row.release_command === null ? null : JSON.parse(row.release_command),
    port: row.port,
    health: row.health === null ? null : JSON.parse(row.health),
    resources: JSON.parse(row.resources),
    commit: row.commit_oid,
    author: row.author,
    message: row.message,
    actor: row.actor,
    deployId: row.deploy_id,
    rollbackOf: row.rollback_of,
    get defaults() {
      return opened.defaults;
    },
    outside: JSON.parse(row.outside),
    domains: JSON.parse(row.domains),
    imageDeployId: row.image_deploy_id,
    promotedFrom: row.promoted_from,
    wentLiveAt: row.went_live_at,
    createdAt: row.created_at,
  };
}
