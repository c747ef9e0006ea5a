import type { EnvironmentConfig } from '../../config.ts';
import type { ObservedServer } from '../../model/container.ts';
import type { Release } from '../../model/release.ts';
import { listGone } from '../../rollout/gone.ts';
import { isEmpty, type Plan, planRollout, type Wanted } from '../../rollout/plan.ts';
import type { Place } from '../../store/apps.ts';
import { getRelease } from '../../store/releases.ts';
import { type ContainerRow, isHolding, listBackends, listContainers } from '../../store/routes.ts';
import { listKept } from '../beside.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { findEnvironmentConfig } from '../environment.ts';
import { inOneGo, planWanted } from '../wanted.ts';
import type { Down } from './deaf.ts';
import { findUnfit, type Unfit } from './unfit.ts';

/** What an environment is to run while no deploy changes it. */
export type WantedNow = {
  readonly release: Release | null;
  readonly settings: EnvironmentConfig;
  readonly wanted: Wanted;
};

/** How far what was seen is from that. */
export type Drift = {
  readonly plan: Plan;
  readonly unfit: Unfit;
  /** Rows of containers that are gone for good. */
  readonly gone: readonly ContainerRow[];
};

/** What was seen of an environment: its containers on each server, and what the load balancer says of them. */
export type Sight = { readonly servers: readonly ObservedServer[]; readonly down: Down };

/** Undefined for an environment that the file no longer names: it is left as it is. */
export async function readWantedNow(place: Place, drivers: PipelineDrivers): Promise<WantedNow | undefined> {
  const currentId = place.environment.currentReleaseId;
  const release = currentId === null ? null : await getRelease(drivers.db, currentId);
  const settings = await findSettings(place, drivers);
  if (settings === undefined) return undefined;
  const skipping = { ...settings, rollout: { ...settings.rollout, onUnreachable: 'skip' as const } };
  const keep = await listKept(drivers.db, release, settings, Date.now());
  return { release, settings, wanted: inOneGo(planWanted(place, release, skipping, { keep })) };
}

/** Compares it with what was seen of the environment, down to what each of its containers was made as. */
export async function compareWanted(
  place: Place,
  { release, wanted }: WantedNow,
  { servers, down }: Sight,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<Drift> {
  const { db, fleet } = drivers.rollout;
  const { id } = place.environment;
  const [routed, recorded, holding] = await Promise.all([
    listBackends(db, id),
    listContainers(db, id),
    isHolding(db, id),
  ]);
  const calm = servers.map(withoutRestarting);
  const unfit = await findUnfit({ place, release, rows: recorded, servers, down }, fleet, signal);
  const world = { servers: calm, routed, holding, recorded, unfit: new Set(unfit.keys()) };
  return { plan: planRollout(wanted, world), unfit, gone: listGone(wanted, recorded, servers) };
}

/** True when there is something to mend. */
export function hasDrift({ plan, gone }: Drift): boolean {
  return !isEmpty(plan) || gone.length > 0;
}

/** What ends again and again is started by its engine already; a new one would end in the same way. */
function withoutRestarting(server: ObservedServer): ObservedServer {
  if (!server.reachable) return server;
  return {
    ...server,
    containers: server.containers.map((found) =>
      found.state === 'restarting' ? { ...found, state: 'running' as const } : found,
    ),
  };
}

/** Of a destroyed app nothing is to run. */
async function findSettings(place: Place, drivers: PipelineDrivers): Promise<EnvironmentConfig | undefined> {
  const settings = await findEnvironmentConfig(drivers, place.environment.name);
  if (!place.destroyed) return settings;
  const any = settings ?? Object.values(drivers.config.environments)[0];
  return any && { ...any, servers: [] };
}
