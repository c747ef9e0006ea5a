import { observeFleet } from '../fleet/observe.ts';
import type { ObservedServer } from '../model/container.ts';
import { lanes as allLanes, nextTurn } from '../queue/turn.ts';
import { listGone } from '../rollout/gone.ts';
import { isEmpty, planRollout } from '../rollout/plan.ts';
import { listPlaces, type Place } from '../store/apps.ts';
import { listEnvironmentsWithWork, listUnfinished } from '../store/deploys.ts';
import { getRelease } from '../store/releases.ts';
import { isHolding, listBackends, listContainers } from '../store/routes.ts';
import { listKept } from './beside.ts';
import { isRollingOut } from './converge.ts';
import type { PipelineDrivers } from './drivers.ts';
import { findEnvironmentConfig, readServers } from './environment.ts';
import { planWanted } from './wanted.ts';

/** Touches every environment that the ledger says has work in a lane, whatever the queue remembers. */
export async function reconcile(drivers: PipelineDrivers, lanes = allLanes): Promise<void> {
  for (const environmentId of await listEnvironmentsWithWork(drivers.db)) {
    const unfinished = await listUnfinished(drivers.db, environmentId);
    for (const lane of lanes) {
      if (nextTurn(lane, unfinished) !== undefined) await drivers.touch(lane, environmentId);
    }
  }
}

/** Looks at every server once and touches the environments where something differs from what should run. */
export async function findDrift(
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<readonly ObservedServer[]> {
  const names = Object.keys(await readServers(drivers));
  const world = await observeFleet(drivers.rollout.fleet, names, {}, signal);
  for (const place of await listPlaces(drivers.db)) {
    const differs = place.destroyed || (await hasDrift(place, world, drivers));
    if (differs) await drivers.touch('rollout', place.environment.id);
  }
  return world;
}

async function hasDrift(
  place: Place,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
): Promise<boolean> {
  const settings = await findEnvironmentConfig(drivers, place.environment.name);
  if (settings === undefined || (await isRollingOut(place, drivers))) return false;
  const { app, environment } = place;
  const currentId = environment.currentReleaseId;
  const release = currentId === null ? null : await getRelease(drivers.db, currentId);
  const [routed, rows, holding, keep] = await Promise.all([
    listBackends(drivers.db, environment.id),
    listContainers(drivers.db, environment.id),
    isHolding(drivers.db, environment.id),
    listKept(drivers.db, release, settings, Date.now()),
  ]);
  const skip = { ...settings, rollout: { ...settings.rollout, onUnreachable: 'skip' as const } };
  const servers = world.map((server) => onlyOf(server, app.name, environment.name));
  const wanted = planWanted(place, release, skip, { keep });
  if (listGone(wanted, rows, servers).length > 0) return true;
  return !isEmpty(planRollout(wanted, { servers, routed, holding }));
}

function onlyOf(server: ObservedServer, app: string, env: string): ObservedServer {
  if (!server.reachable) return server;
  return {
    ...server,
    containers: server.containers.filter((found) => found.app === app && found.env === env),
  };
}
