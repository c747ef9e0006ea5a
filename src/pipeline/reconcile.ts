import { observeFleet } from '../fleet/observe.ts';
import type { ObservedServer } from '../model/container.ts';
import { lanes as allLanes, nextTurn } from '../queue/turn.ts';
import { listPlaces, type Place } from '../store/apps.ts';
import { listEnvironmentsWithWork, listUnfinished } from '../store/deploys.ts';
import { isRollingOut } from './converge.ts';
import type { PipelineDrivers } from './drivers.ts';
import { readServers } from './environment.ts';
import { compareWanted, hasDrift, readWantedNow } from './wanted-now.ts';

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
    const differs = place.destroyed || (await isDifferent(place, world, drivers, signal));
    if (differs) await drivers.touch('rollout', place.environment.id);
  }
  return world;
}

async function isDifferent(
  place: Place,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<boolean> {
  const should = await readWantedNow(place, drivers);
  if (should === undefined || (await isRollingOut(place, drivers))) return false;
  const servers = world.map((server) => onlyOf(server, place.app.name, place.environment.name));
  return hasDrift(await compareWanted(place, should, servers, drivers, signal));
}

function onlyOf(server: ObservedServer, app: string, env: string): ObservedServer {
  if (!server.reachable) return server;
  return {
    ...server,
    containers: server.containers.filter((found) => found.app === app && found.env === env),
  };
}
