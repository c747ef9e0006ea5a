import { removeContainer } from '../../fleet/create.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { listNetworks, removeNetwork } from '../../fleet/network.ts';
import { observeServer } from '../../fleet/observe.ts';
import { namesOf } from '../../model/app.ts';
import { listPlaces } from '../../store/apps.ts';
import { listEnvironmentsWithWork } from '../../store/deploys.ts';
import { getRelease } from '../../store/releases.ts';
import { listContainers } from '../../store/routes.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { findEnvironmentConfig } from '../environment.ts';
import { type KnownEnvironment, type Leftovers, planLeftovers } from './plan-leftovers.ts';

/** Stopped containers and unused networks of ours on a server that nothing has a use for. */
export async function findLeftovers(
  connection: ServerConnection,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<Leftovers> {
  const networks = await listNetworks(connection, signal);
  const seen = await observeServer(connection, {}, signal);
  const containers = seen.reachable ? seen.containers : [];
  // Read after what is there was listed: what was begun since is not among it.
  const environments = await listKnown(connection.server.name, drivers);
  return planLeftovers({ containers, networks, environments });
}

export async function removeLeftovers(
  connection: ServerConnection,
  { containers, networks }: Leftovers,
  signal: AbortSignal,
): Promise<void> {
  for (const { name } of containers) await removeContainer(connection, name, signal);
  for (const network of networks) await removeNetwork(connection, network, signal);
}

async function listKnown(server: string, drivers: PipelineDrivers): Promise<readonly KnownEnvironment[]> {
  const { db } = drivers;
  const busy = new Set(await listEnvironmentsWithWork(db));
  const rows = await listContainers(db);
  const places = await listPlaces(db);
  const known = await Promise.all(
    places.map(async ({ app, environment, destroyed }) => {
      const { id, name, currentReleaseId } = environment;
      const settings = await findEnvironmentConfig(drivers, name);
      const here =
        (settings?.servers.includes(server) ?? false) ||
        rows.some((row) => row.environment_id === id && row.server === server);
      const now = {
        env: name,
        current: currentReleaseId === null ? null : (await getRelease(db, currentReleaseId)).version,
        // What is destroyed is cleared by converging, whatever state it is in.
        busy: busy.has(id) || destroyed,
      };
      // Under a former name nothing new is made: its network goes with the last container in it.
      const former = namesOf(app)
        .slice(1)
        .map((each) => ({ ...now, app: each, here: false }));
      return [{ ...now, app: app.name, here }, ...former];
    }),
  );
  return known.flat();
}
