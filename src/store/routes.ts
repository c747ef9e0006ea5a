import type { Database } from './database.ts';
import { type Lease, requireLease } from './leases.ts';
import type { Tables } from './tables.ts';

export type BackendRow = Tables['backends'];
export type ContainerRow = Tables['containers'];

export async function listBackends(db: Database, environmentId: string): Promise<readonly BackendRow[]> {
  return db
    .selectFrom('backends')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .orderBy('name')
    .execute();
}

/** What an environment is to be served by; requests are held while nothing may run for a moment. */
export type WantedBackends = {
  readonly environmentId: string;
  readonly backends: readonly Omit<BackendRow, 'environment_id'>[];
  readonly holding: boolean;
};

/** Sets what an environment is served by, as one change, while the lease is held. Throws `lease_lost`. */
export async function setBackends(
  db: Database,
  lease: Lease,
  { environmentId, backends, holding }: WantedBackends,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await requireLease(tx, lease);
    await tx
      .updateTable('environments')
      .set({ holding: holding ? 1 : 0 })
      .where('id', '=', environmentId)
      .execute();
    await tx.deleteFrom('backends').where('environment_id', '=', environmentId).execute();
    if (backends.length === 0) return;
    await tx
      .insertInto('backends')
      .values(backends.map((backend) => ({ ...backend, environment_id: environmentId })))
      .execute();
  });
}

/** True while an environment's requests are held. */
export async function isHolding(db: Database, environmentId: string): Promise<boolean> {
  const row = await db
    .selectFrom('environments')
    .select('holding')
    .where('id', '=', environmentId)
    .executeTakeFirst();
  return row?.holding === 1;
}

export type RoutedEnvironment = {
  readonly slot: number;
  readonly app: string;
  readonly env: string;
  readonly domains: readonly string[];
  readonly backends: readonly BackendRow[];
  readonly maintenance: string | null;
  readonly holding: boolean;
};

/** Everything that the load balancer is to serve, of all apps. */
export async function readRoutes(db: Database): Promise<readonly RoutedEnvironment[]> {
  const environments = await db
    .selectFrom('environments')
    .innerJoin('apps', 'apps.id', 'environments.app_id')
    .select(['environments.id', 'environments.slot', 'environments.name as env', 'apps.name as app'])
    .select(['environments.maintenance', 'environments.holding'])
    .where('apps.destroyed_at', 'is', null)
    .where('environments.destroyed_at', 'is', null)
    .orderBy('environments.slot')
    .execute();
  const domains = Map.groupBy(
    await db.selectFrom('domains').selectAll().execute(),
    (row) => row.environment_id,
  );
  const backends = Map.groupBy(
    await db.selectFrom('backends').selectAll().orderBy('name').execute(),
    (row) => row.environment_id,
  );
  return environments.map((row) => ({
    slot: row.slot,
    app: row.app,
    env: row.env,
    domains: (domains.get(row.id) ?? []).map((domain) => domain.domain).sort(),
    backends: backends.get(row.id) ?? [],
    maintenance: row.maintenance,
    holding: row.holding === 1,
  }));
}

/** The intent to run a container, with the port it was given, before it is started. */
export async function recordContainers(db: Database, containers: readonly ContainerRow[]): Promise<void> {
  if (containers.length === 0) return;
  await db
    .insertInto('containers')
    .values([...containers])
    .onConflict((conflict) =>
      conflict.columns(['server', 'name']).doUpdateSet((eb) => ({
        port: eb.ref('excluded.port'),
        deploy_id: eb.ref('excluded.deploy_id'),
        epoch: eb.ref('excluded.epoch'),
      })),
    )
    .execute();
}

export async function forgetContainer(db: Database, server: string, name: string): Promise<void> {
  await db.deleteFrom('containers').where('server', '=', server).where('name', '=', name).execute();
}

export async function listContainers(db: Database, environmentId?: string): Promise<readonly ContainerRow[]> {
  const query = db.selectFrom('containers').selectAll();
  return (environmentId === undefined ? query : query.where('environment_id', '=', environmentId)).execute();
}

/** Domains of an environment. */
export async function listDomains(db: Database, environmentId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('domains')
    .select('domain')
    .where('environment_id', '=', environmentId)
    .orderBy('domain')
    .execute();
  return rows.map((row) => row.domain);
}
