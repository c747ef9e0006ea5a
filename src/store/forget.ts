import { findPlace } from './apps.ts';
import type { Database } from './database.ts';

/** Forgets what people did before a time (ISO 8601). */
export async function forgetEvents(db: Database, before: string): Promise<void> {
  await db.deleteFrom('events').where('at', '<', before).execute();
}

/** Numbers of the ended deploys, up to one, whose steps are still written down. */
export async function listDeploysWithSteps(db: Database, upTo: number): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('steps')
    .innerJoin('deploys', 'deploys.id', 'steps.deploy_id')
    .select('steps.deploy_id')
    .distinct()
    .where('steps.deploy_id', '<=', upTo)
    .where('steps.name', '!=', releaseCommand)
    .where('deploys.ended_at', 'is not', null)
    .execute();
  return rows.map((row) => row.deploy_id);
}

// A rollback tells which of them ran since, however long ago that was.
const releaseCommand = 'release-command';

export async function forgetSteps(db: Database, deployId: number): Promise<void> {
  await db
    .deleteFrom('steps')
    .where('deploy_id', '=', deployId)
    .where('name', '!=', releaseCommand)
    .execute();
}

/**
 * Forgets the containers of destroyed environments on servers that are not ours any more: nobody can remove them
 * there, and the environment would wait for it for ever.
 */
export async function forgetLostContainers(db: Database, servers: readonly string[]): Promise<void> {
  const destroyed = db
    .selectFrom('environments')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select('environments.id')
    .where((eb) =>
      eb.or([eb('environments.destroyed_at', 'is not', null), eb('apps.destroyed_at', 'is not', null)]),
    );
  await db
    .deleteFrom('containers')
    .where('environment_id', 'in', destroyed)
    .where('server', 'not in', [...servers, ''])
    .execute();
}

/** The number of the newest deploy that was recorded before a time; 0 when there is none. */
export async function findNewestBefore(db: Database, time: string): Promise<number> {
  const row = await db
    .selectFrom('deploys')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('created_at', '<', time)
    .executeTakeFirst();
  return Number(row?.id ?? 0);
}

/** The last trace of a destroyed app, once its environments are forgotten. */
export async function forgetApp(db: Database, appId: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('sources').where('app_id', '=', appId).execute();
    await tx.deleteFrom('tokens').where('app_id', '=', appId).execute();
    await tx.deleteFrom('keys').where('app_id', '=', appId).execute();
    await tx.deleteFrom('grants').where('app_id', '=', appId).execute();
    await tx.deleteFrom('freezes').where('app_id', '=', appId).execute();
    const told = tx.selectFrom('notifications').select('id').where('app_id', '=', appId);
    await tx.deleteFrom('notices').where('notification_id', 'in', told).execute();
    await tx.deleteFrom('notifications').where('app_id', '=', appId).execute();
    await tx.deleteFrom('locks').where('app_id', '=', appId).execute();
    await tx.deleteFrom('apps').where('id', '=', appId).execute();
  });
}

/** Forgets a destroyed environment once nothing of it is left on any server; one that came back stays. */
export async function forgetEnvironment(db: Database, environmentId: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (!(await findPlace(tx, environmentId))?.destroyed) return;
    await tx.deleteFrom('containers').where('environment_id', '=', environmentId).execute();
    const deploys = tx.selectFrom('deploys').select('id').where('environment_id', '=', environmentId);
    await tx.deleteFrom('steps').where('deploy_id', 'in', deploys).execute();
    await tx.deleteFrom('deploys').where('environment_id', '=', environmentId).execute();
    await tx.deleteFrom('releases').where('environment_id', '=', environmentId).execute();
    await tx.deleteFrom('settings').where('environment_id', '=', environmentId).execute();
    await tx.deleteFrom('approvals').where('environment_id', '=', environmentId).execute();
    await tx.deleteFrom('runs').where('environment_id', '=', environmentId).execute();
    await tx.deleteFrom('environments').where('id', '=', environmentId).execute();
  });
}
