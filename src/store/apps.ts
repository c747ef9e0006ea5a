import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import type { App, Environment } from '../model/app.ts';
import { isAppName } from '../model/names.ts';
import { type Database, joinTransaction } from './database.ts';
import type { Tables } from './tables.ts';

/** Creates an app. Throws `invalid_app_name` and `app_exists`. */
export async function createApp(db: Database, name: string, actor: string): Promise<App> {
  if (!isAppName(name)) {
    throw new Failure(
      'invalid_app_name',
      `${JSON.stringify(name.slice(0, 80))} cannot be the name of an app.`,
    );
  }
  const row = {
    id: `a${randomBytes(8).toString('hex')}`,
    name,
    created_at: new Date().toISOString(),
    created_by: actor,
    destroyed_at: null,
  };
  if ((await findRenamed(db, name)) !== undefined) {
    throw new Failure('app_exists', `The name ${name} is kept for an app that was called so.`);
  }
  const made = await db
    .insertInto('apps')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (made.numInsertedOrUpdatedRows === 0n)
    throw new Failure('app_exists', `The app ${name} exists already.`);
  return toApp(row);
}

export async function findApp(db: Database, name: string): Promise<App | undefined> {
  const row = await liveApps(db).where('name', '=', name).executeTakeFirst();
  return row && toApp(row);
}

/** The app that had a name before. */
export async function findRenamed(db: Database, name: string): Promise<App | undefined> {
  const rows = await liveApps(db).where('former_names', '!=', '[]').execute();
  return rows.map(toApp).find(({ formerNames }) => formerNames?.includes(name));
}

/** Throws `app_not_found`. */
export async function getApp(db: Database, name: string): Promise<App> {
  const app = await findApp(db, name);
  if (app === undefined) throw appNotFound(name);
  return app;
}

/** One text for an app that is not there and for one that the asker may not see. */
export function appNotFound(name: string): Failure {
  return new Failure(
    'app_not_found',
    `The app ${JSON.stringify(name.slice(0, 80))} does not exist, or you may not see it.`,
  );
}

/** For who may see the app. */
export function appRenamed(name: string, app: App): Failure {
  return new Failure('app_renamed', `The app ${name} is called ${app.name} now.`);
}

export async function listApps(db: Database): Promise<readonly App[]> {
  return (await liveApps(db).orderBy('name').execute()).map(toApp);
}

export async function listDestroyedApps(db: Database): Promise<readonly App[]> {
  const rows = await db.selectFrom('apps').selectAll().where('destroyed_at', 'is not', null).execute();
  return rows.map(toApp);
}

/** The app is gone for its users at once; what it left behind is removed by the upkeep. */
export async function destroyApp(db: Database, appId: string): Promise<void> {
  await joinTransaction(db, async (tx) => {
    await emptyEnvironments(tx, environmentIds(tx).where('app_id', '=', appId));
    const destroyed = { destroyed_at: new Date().toISOString() };
    await tx.updateTable('apps').set(destroyed).where('id', '=', appId).execute();
  });
}

/** The same for one environment of an app that goes on. */
export async function destroyEnvironment(db: Database, environmentId: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const one = environmentIds(tx).where('id', '=', environmentId);
    await emptyEnvironments(tx, one);
    const destroyed = { destroyed_at: new Date().toISOString(), maintenance: null, holding: 0 };
    await tx.updateTable('environments').set(destroyed).where('id', '=', environmentId).execute();
    await tx.deleteFrom('settings').where('environment_id', '=', environmentId).execute();
  });
}

async function emptyEnvironments(
  tx: Database,
  environments: ReturnType<typeof environmentIds>,
): Promise<void> {
  await tx.deleteFrom('domains').where('environment_id', 'in', environments).execute();
  await tx.deleteFrom('backends').where('environment_id', 'in', environments).execute();
  await tx
    .updateTable('deploys')
    .set({ stop_request: 'cancelled', hold: null })
    .where('environment_id', 'in', environments)
    .where('ended_at', 'is', null)
    .execute();
  await tx
    .updateTable('environments')
    .set({ current_release_id: null })
    .where('id', 'in', environments)
    .execute();
}

function environmentIds(db: Database) {
  return db.selectFrom('environments').select('id');
}

export async function findEnvironment(
  db: Database,
  appId: string,
  name: string,
): Promise<Environment | undefined> {
  const row = await db
    .selectFrom('environments')
    .selectAll()
    .where('app_id', '=', appId)
    .where('name', '=', name)
    .where('destroyed_at', 'is', null)
    .executeTakeFirst();
  return row && toEnvironment(row);
}

/** Finds the environment or makes it, with the smallest free slot and its domain; `branch` is a preview's. */
export async function ensureEnvironment(
  db: Database,
  app: { id: string },
  { name, domain, branch = null }: { name: string; domain: string; branch?: string | null },
): Promise<Environment> {
  return db.transaction().execute(async (tx) => {
    const found = await tx
      .selectFrom('environments')
      .selectAll()
      .where('app_id', '=', app.id)
      .where('name', '=', name)
      .executeTakeFirst();
    if (found) return found.destroyed_at === null ? toEnvironment(found) : revive(tx, found, domain);
    const taken = (await tx.selectFrom('environments').select('slot').orderBy('slot').execute()).map(
      (r) => r.slot,
    );
    const row = {
      id: `e${randomBytes(8).toString('hex')}`,
      app_id: app.id,
      name,
      slot: smallestFree(taken),
      epoch: 0,
      last_version: 0,
      current_release_id: null,
      created_at: new Date().toISOString(),
      maintenance: null,
      holding: 0,
      branch,
      destroyed_at: null,
    };
    await tx.insertInto('environments').values(row).execute();
    await takeDomain(tx, domain, row.id);
    return toEnvironment(row);
  });
}

/** A domain that another environment has already stays there. */
async function takeDomain(tx: Database, domain: string, environmentId: string): Promise<void> {
  await tx
    .insertInto('domains')
    .values({ domain, environment_id: environmentId })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** An environment that is wanted again before the last trace of it was gone. */
async function revive(
  tx: Database,
  row: Selectable<Tables['environments']>,
  domain: string,
): Promise<Environment> {
  const change = { destroyed_at: null };
  await tx.updateTable('environments').set(change).where('id', '=', row.id).execute();
  await takeDomain(tx, domain, row.id);
  return toEnvironment({ ...row, ...change });
}

function smallestFree(taken: readonly number[]): number {
  const free = taken.findIndex((slot, index) => slot !== index);
  return free === -1 ? taken.length : free;
}

/** An environment with its app: what most stations need to know of where they work. */
export type Place = {
  readonly app: App;
  readonly environment: Environment;
  /** Nothing of the environment is to be left; of the whole app when that is destroyed. */
  readonly destroyed: boolean;
  readonly appDestroyed: boolean;
};

export async function findPlace(db: Database, environmentId: string): Promise<Place | undefined> {
  const row = await places(db).where('environments.id', '=', environmentId).executeTakeFirst();
  return row && toPlace(row);
}

/** The environment that a domain belongs to. */
export async function findDomainOwner(db: Database, domain: string): Promise<Place | undefined> {
  const row = await places(db)
    .innerJoin('domains', 'domains.environment_id', 'environments.id')
    .where('domains.domain', '=', domain)
    .executeTakeFirst();
  return row && toPlace(row);
}

/** Every environment, those of destroyed apps too: what they left is still to be removed. */
export async function listPlaces(db: Database, appId?: string): Promise<readonly Place[]> {
  const query = appId === undefined ? places(db) : places(db).where('apps.id', '=', appId);
  return (await query.orderBy('apps.name').orderBy('environments.name').execute()).map(toPlace);
}

function liveApps(db: Database) {
  return db.selectFrom('apps').selectAll().where('destroyed_at', 'is', null);
}

function places(db: Database) {
  return db
    .selectFrom('environments')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .selectAll('environments')
    .select([
      'apps.name as app_name',
      'apps.created_at as app_created_at',
      'apps.created_by',
      'apps.former_names',
      'apps.destroyed_at as app_destroyed_at',
    ]);
}

function toApp(
  row: Omit<Tables['apps'], 'bytes' | 'former_names'> & { readonly former_names?: string },
): App {
  const { id, name, created_at: createdAt, created_by: createdBy, former_names = '[]' } = row;
  return { id, name, formerNames: JSON.parse(former_names), createdAt, createdBy };
}

function toEnvironment(row: Selectable<Tables['environments']>): Environment {
  return {
    id: row.id,
    appId: row.app_id,
    name: row.name,
    slot: row.slot,
    currentReleaseId: row.current_release_id,
    branch: row.branch,
    maintenance: row.maintenance,
  };
}

function toPlace(
  row: Selectable<Tables['environments']> & {
    app_name: string;
    app_created_at: string;
    created_by: string;
    former_names: string;
    app_destroyed_at: string | null;
  },
): Place {
  return {
    app: {
      id: row.app_id,
      name: row.app_name,
      formerNames: JSON.parse(row.former_names),
      createdAt: row.app_created_at,
      createdBy: row.created_by,
    },
    environment: toEnvironment(row),
    appDestroyed: row.app_destroyed_at !== null,
    destroyed: row.app_destroyed_at !== null || row.destroyed_at !== null,
  };
}
