import { haltContainer } from '../fleet/halt.ts';
import type { Release } from '../model/release.ts';
import { isHolding, listBackends, setBackends } from '../store/routes.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import type { Clearance } from './plan.ts';
import { withReconnect } from './prepare.ts';

/**
 * Makes room for a release that must not run beside another one: with the image on every server, requests are held,
 * what is in flight ends, and everything else is stopped. Throws before anything was stopped, or when something
 * could not be: then nothing may be started.
 */
export async function clearServers(
  job: RolloutJob & { readonly release: Release },
  { dismiss, stop }: Clearance,
  servers: readonly string[],
  drivers: RolloutDrivers,
): Promise<void> {
  const { signal, place } = job;
  await Promise.all(
    servers.map((server) =>
      withReconnect(signal, async () => {
        const connection = await drivers.fleet.connect(server, signal);
        await drivers.bringImage(connection, job.release.image, signal);
      }),
    ),
  );
  job.log.detail(`Requests are held while ${stop.length} of the old release are stopped`);
  await holdRequests(job, dismiss, drivers);
  const names = stop.map((container) => container.name);
  await drivers.drain(place.environment.slot, names, job.drainMs, signal);
  await Promise.all(
    stop.map((container) =>
      withReconnect(signal, async () => {
        const connection = await drivers.fleet.connect(container.server, signal);
        await haltContainer(connection, container.name, { timeoutMs: job.stopTimeoutMs, signal });
      }),
    ),
  );
}

/** Requests wait from here on, unless something of the release that is to stay still serves them. */
async function holdRequests(
  job: RolloutJob,
  dismiss: readonly string[],
  drivers: RolloutDrivers,
): Promise<void> {
  const environmentId = job.place.environment.id;
  const present = await listBackends(drivers.db, environmentId);
  const backends = present.filter((row) => !dismiss.includes(row.name));
  const isHeld = dismiss.length > 0 || (await isHolding(drivers.db, environmentId));
  const holding = isHeld && backends.length === 0;
  await setBackends(drivers.db, job.lease, { environmentId, backends, holding });
  await drivers.applyRoutes(job.signal, job.place.environment.slot);
}
