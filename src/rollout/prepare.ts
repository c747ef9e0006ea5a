import { setTimeout as pause } from 'node:timers/promises';
import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import type { FailureCode } from '../failure-catalogue.ts';
import type { ServerConnection } from '../fleet/fleet.ts';
import { inspectExit, readLogs, startContainer, watchDeath } from '../fleet/perform.ts';
import type { ObservedServer, WantedContainer } from '../model/container.ts';
import type { Release } from '../model/release.ts';
import { listContainers, recordContainers } from '../store/routes.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import type { Plan } from './plan.ts';
import { choosePort } from './port.ts';
import { probeContainer } from './probe.ts';
import { planSpec } from './spec.ts';

const lostCodes: readonly FailureCode[] = ['ssh_unreachable', 'docker_lost', 'server_no_docker'];
const lostLimitMs = 30_000;
const portTries = 5;
const lastLinesMs = 5_000;
// A process that is not routed is taken for good when it still runs after this long.
const settleMs = 1_500;

/** How long a server took, in ms. */
export type Prepared = { readonly pulledMs: number; readonly healthyMs: number };

/**
 * Brings the image, starts what is missing and probes it, on all servers at once. Answers how long each took.
 * Throws the first failure.
 */
export async function prepareServers(
  job: RolloutJob & { release: Release },
  plan: Plan,
  world: readonly ObservedServer[],
  drivers: RolloutDrivers,
): Promise<ReadonlyMap<string, Prepared>> {
  const containers = [...plan.start, ...plan.probe];
  const servers = [...new Set(containers.map((container) => container.server))];
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const taken = await listTakenPorts(drivers, world, containers);
  const tasks = servers.map(async (server) => {
    try {
      const begin = { ...job, signal };
      return await withReconnect(signal, () => prepareServer(begin, server, plan, taken, drivers));
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(tasks);
  if (stop.signal.aborted) throw stop.signal.reason;
  const prepared = await Promise.all(tasks);
  return new Map(servers.map((server, index) => [server, prepared[index] as Prepared]));
}

async function prepareServer(
  job: RolloutJob & { release: Release },
  server: string,
  plan: Plan,
  taken: Map<string, Set<number>>,
  drivers: RolloutDrivers,
): Promise<Prepared> {
  const connection = await drivers.fleet.connect(server, job.signal);
  const begin = performance.now();
  const image = await drivers.bringImage(connection, job.release.image, job.signal);
  const pulled = performance.now();
  const mine = (container: WantedContainer) => container.server === server;
  const ports = taken.get(server) ?? new Set();
  for (const container of plan.start.filter(mine)) {
    await startOne({ job, connection, image, container, ports, drivers });
  }
  await Promise.all(
    plan.probe.filter(mine).map((container) => probeOne(job, connection, container, drivers)),
  );
  await settle(
    job,
    connection,
    plan.start.filter((container) => mine(container) && container.port === null),
  );
  return { pulledMs: pulled - begin, healthyMs: performance.now() - pulled };
}

type Start = {
  readonly job: RolloutJob & { release: Release };
  readonly connection: ServerConnection;
  readonly image: string;
  readonly container: WantedContainer;
  readonly ports: Set<number>;
  readonly drivers: RolloutDrivers;
};

/** Records the container with its port, then starts it; a port that somebody else holds is given up. */
async function startOne(start: Start): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const hostPort = await chooseHostPort(start);
    await recordContainers(start.drivers.db, [toRow(start, hostPort)]);
    announce('start', 'intent', start.job.deploy.id);
    try {
      await startContainer(start.connection, toSpec(start, hostPort), start.job.signal);
      announce('start', 'act', start.job.deploy.id);
      return;
    } catch (error) {
      if (!(error instanceof Failure && error.code === 'port_taken') || tries === portTries) throw error;
      if (hostPort !== null) start.ports.add(hostPort);
    }
  }
}

/** The port that the ledger has for the container, so that a second start finds the first one's. */
async function chooseHostPort({ container, job, ports, drivers }: Start): Promise<number | null> {
  if (container.port === null) return null;
  const rows = await listContainers(drivers.db, job.place.environment.id);
  const known = rows.find((row) => row.server === container.server && row.name === container.name)?.port;
  if (known && !ports.has(known)) return known;
  const chosen = choosePort(ports, drivers.random());
  ports.add(chosen);
  return chosen;
}

function toRow({ container, job }: Start, port: number | null) {
  return {
    name: container.name,
    server: container.server,
    environment_id: job.place.environment.id,
    release_id: job.release.id,
    process: container.process,
    idx: container.index,
    port,
    deploy_id: job.deploy.id,
    epoch: job.deploy.epoch,
  };
}

function toSpec({ container, job, image, connection }: Start, hostPort: number | null) {
  const { address } = connection.server;
  return planSpec({ ...job, ...job.deploy, container, image, address, hostPort, deploy: job.deploy.id });
}

/** Throws `not_healthy` with what was seen and the app's last lines in the log. */
async function probeOne(
  job: RolloutJob,
  connection: ServerConnection,
  container: WantedContainer,
  drivers: RolloutDrivers,
): Promise<void> {
  const rows = await listContainers(drivers.db, job.place.environment.id);
  const row = rows.find((known) => known.server === container.server && known.name === container.name);
  const over = new AbortController();
  const watching = AbortSignal.any([job.signal, over.signal]);
  const died = await watchDeath(connection, container.name, watching);
  const result = await probeContainer({
    address: `${connection.server.address}:${row?.port}`,
    health: job.health,
    isRunning: () => inspectExit(connection, container.name, job.signal),
    died,
    signal: job.signal,
  }).finally(() => over.abort());
  if (result.healthy) return announce('probe', 'act', job.deploy.id);
  // Another server failed first: its story is told, not this one's.
  job.signal.throwIfAborted();
  await showLastLines(job, connection, container);
  throw new Failure('not_healthy', `${nameOf(container)} on ${container.server} ${result.reason}`);
}

/** A process without a port is asked only whether it stays up. */
async function settle(
  job: RolloutJob,
  connection: ServerConnection,
  containers: readonly WantedContainer[],
): Promise<void> {
  if (containers.length === 0) return;
  await pause(settleMs, undefined, { signal: job.signal });
  for (const container of containers) {
    const exit = await inspectExit(connection, container.name, job.signal);
    if (exit === null) continue;
    await showLastLines(job, connection, container);
    throw new Failure('not_healthy', `${nameOf(container)} on ${container.server} ${exit.reason}`);
  }
}

async function showLastLines(
  job: RolloutJob,
  connection: ServerConnection,
  container: WantedContainer,
): Promise<void> {
  const signal = AbortSignal.timeout(lastLinesMs);
  const text = await readLogs(connection, container.name, { tail: 20 }, signal).catch(
    (error) => `(its log cannot be read: ${error.message})`,
  );
  job.log.warning(`The last lines of ${nameOf(container)} on ${container.server}:`);
  job.log.detail(text.trim() === '' ? '(it wrote nothing)' : text);
}

function nameOf(container: WantedContainer): string {
  return `${container.process}.${container.index}`;
}

/** Ports that are spoken for on each server, by what runs there and by what the ledger gave to others. */
async function listTakenPorts(
  drivers: RolloutDrivers,
  world: readonly ObservedServer[],
  mine: readonly WantedContainer[],
): Promise<Map<string, Set<number>>> {
  const taken = new Map<string, Set<number>>(world.map((server) => [server.server, new Set()]));
  const isMine = (known: { server: string; name: string }) =>
    mine.some((container) => container.server === known.server && container.name === known.name);
  for (const row of await listContainers(drivers.db)) {
    if (row.port !== null && !isMine(row)) taken.get(row.server)?.add(row.port);
  }
  for (const container of world.flatMap((server) => (server.reachable ? server.containers : []))) {
    if (container.address === null || isMine(container)) continue;
    taken.get(container.server)?.add(Number(container.address.split(':').at(-1)));
  }
  return taken;
}

/** True for what only says that nobody answered: the act may or may not have happened. */
export function isLost(error: unknown): boolean {
  return error instanceof Failure && lostCodes.includes(error.code);
}

/** Repeats what a lost connection or engine cut off, until it answers again or 30 s have passed. */
export async function withReconnect<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + lostLimitMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isLost(error) || performance.now() > deadline) throw error;
      await pause(500, undefined, { signal });
    }
  }
}
