import { announce } from '../announce.ts';
import { stopContainer } from '../fleet/perform.ts';
import type { ObservedContainer } from '../model/container.ts';
import { forgetContainer } from '../store/routes.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import { withReconnect } from './prepare.ts';

/**
 * Ends containers that are out of the routing table: waits for their requests up to the drain limit, then
 * stops and removes them. A server that is lost meanwhile is left to the next convergence.
 */
export async function retireContainers(
  job: RolloutJob,
  containers: readonly ObservedContainer[],
  drivers: RolloutDrivers,
): Promise<void> {
  if (containers.length === 0) return;
  const names = containers.map((container) => container.name);
  await drivers.drain(job.place.environment.slot, names, job.drainMs, job.signal);
  announce('retire', 'intent', job.deploy.id);
  await Promise.all(containers.map((container) => retireOne(job, container, drivers)));
}

async function retireOne(
  job: RolloutJob,
  container: ObservedContainer,
  drivers: RolloutDrivers,
): Promise<void> {
  try {
    await withReconnect(job.signal, async () => {
      const connection = await drivers.fleet.connect(container.server, job.signal);
      await stopContainer(connection, container.name, { timeoutMs: job.stopTimeoutMs, signal: job.signal });
    });
    announce('retire', 'act', job.deploy.id);
    await forgetContainer(drivers.db, container.server, container.name);
    announce('retire', 'record', job.deploy.id);
  } catch (error) {
    job.signal.throwIfAborted();
    job.log.warning(
      `${container.name} on ${container.server} is not removed yet: ${(error as Error).message}`,
    );
  }
}
