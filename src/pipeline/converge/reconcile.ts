import { observeFleet } from '../../fleet/observe.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedContainer, ObservedServer } from '../../model/container.ts';
import { lanes as allLanes, nextTurn } from '../../queue/turn.ts';
import { listPlaces, type Place } from '../../store/apps.ts';
import { listEnvironmentsWithWork, listUnfinished } from '../../store/deploys.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readServers } from '../environment.ts';
import { isRollingOut } from './converge.ts';
import { readDown } from './deaf.ts';
import { compareWanted, hasDrift, readWantedNow, type Sight } from './wanted-now.ts';

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
  const down = await readDown(drivers.rollout);
  for (const place of await listPlaces(drivers.db)) {
    const sight = { servers: onlyOf(place, world), down };
    const differs = place.destroyed || (await isSeenDifferent(place, sight, drivers, signal));
    if (differs) await drivers.touch('rollout', place.environment.id);
  }
  return world;
}

/** One environment of which it cannot be told keeps no other one from being looked at. */
async function isSeenDifferent(...look: Parameters<typeof isDifferent>): Promise<boolean> {
  try {
    return await isDifferent(...look);
  } catch (error) {
    const [{ app, environment }, , { log }, signal] = look;
    signal.throwIfAborted();
    const fields = { app: app.name, env: environment.name, error: (error as Error).message };
    log.warn(fields, 'an environment cannot be compared with what should run, it is looked at again');
    return false;
  }
}

async function isDifferent(
  place: Place,
  sight: Sight,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<boolean> {
  const should = await readWantedNow(place, drivers);
  if (should === undefined || (await isRollingOut(place, drivers))) return false;
  return hasDrift(await compareWanted(place, should, sight, drivers, signal));
}

function onlyOf({ app, environment }: Place, world: readonly ObservedServer[]): readonly ObservedServer[] {
  const names = namesOf(app);
  const isMine = (found: ObservedContainer) => names.includes(found.app) && found.env === environment.name;
  return world.map((server) =>
    server.reachable ? { ...server, containers: server.containers.filter(isMine) } : server,
  );
}
