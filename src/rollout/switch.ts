import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import type { WantedContainer } from '../model/container.ts';
import { type BackendRow, listBackends, listContainers, setBackends } from '../store/routes.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import type { Switch } from './plan.ts';

/**
 * One change of the routing table: recorded first, then applied. When it resolves, the load balancer has
 * checked the admitted itself, and the dismissed get no new request.
 */
export async function performSwitch(job: RolloutJob, change: Switch, drivers: RolloutDrivers): Promise<void> {
  const environmentId = job.place.environment.id;
  const present = await listBackends(drivers.db, environmentId);
  const admitted = await Promise.all(
    change.admit.map((container) => toBackend(container, environmentId, drivers)),
  );
  const names = new Set(admitted.map((backend) => backend.name));
  const staying = present.filter((row) => !change.dismiss.includes(row.name) && !names.has(row.name));
  const backends = [...staying, ...admitted].map((row) => ({
    ...row,
    weight: change.weights[row.name] ?? row.weight,
  }));
  await setBackends(drivers.db, job.lease, { environmentId, backends, holding: false });
  announce('switch', 'intent', job.deploy.id);
  await drivers.applyRoutes(job.signal, job.place.environment.slot);
  announce('switch', 'act', job.deploy.id);
}

async function toBackend(
  container: WantedContainer,
  environmentId: string,
  drivers: RolloutDrivers,
): Promise<BackendRow> {
  const rows = await listContainers(drivers.db, environmentId);
  const row = rows.find((known) => known.server === container.server && known.name === container.name);
  const servers = await drivers.fleet.readServers();
  const server = servers[container.server];
  if (row?.port == null || server === undefined) {
    throw new Failure('load_balancer_failed', `${container.name} on ${container.server} has no address.`);
  }
  return {
    environment_id: environmentId,
    name: container.name,
    server: container.server,
    address: `${server.address}:${row.port}`,
    weight: 0,
  };
}
