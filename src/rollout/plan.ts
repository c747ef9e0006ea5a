import type { RolloutConfig } from '../config.ts';
import type { ObservedContainer, ObservedServer, WantedContainer } from '../model/container.ts';
import { containerName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import { planBatches } from './strategy.ts';

/** What an environment is to run; no release means nothing. */
export type Wanted = {
  readonly app: string;
  readonly env: string;
  readonly release: Release | null;
  /** In the order of deploy.config.json. */
  readonly servers: readonly string[];
  readonly strategy: Pick<RolloutConfig, 'strategy' | 'first' | 'batch' | 'onUnreachable'>;
};

/** What was seen on the servers, and the names that the load balancer was told to serve. */
export type World = {
  readonly servers: readonly ObservedServer[];
  readonly routed: readonly { readonly name: string; readonly server: string }[];
};

/** One change of the routing table: the admitted are in before the dismissed are out. */
export type Switch = {
  readonly servers: readonly string[];
  readonly admit: readonly WantedContainer[];
  readonly dismiss: readonly string[];
};

export type Unreachable = { readonly server: string; readonly reason: string };

/** Prepare, switch, retire: each a list that can be empty; all empty when the world is as wanted. */
export type Plan = {
  /** Servers without which it must not go on. */
  readonly blocked: readonly Unreachable[];
  readonly skipped: readonly Unreachable[];
  /** To be created or started. */
  readonly start: readonly WantedContainer[];
  /** To be asked from outside before they are routed. */
  readonly probe: readonly WantedContainer[];
  readonly switches: readonly Switch[];
  readonly retire: readonly ObservedContainer[];
};

/** The containers of a release: spread over the servers, the same names however often it is planned. */
export function planContainers(wanted: Wanted): readonly WantedContainer[] {
  const { release, servers, app, env } = wanted;
  if (release === null || servers.length === 0) return [];
  return release.processes.flatMap((process) =>
    Array.from({ length: process.quantity ?? servers.length }, (_, position) => ({
      server: servers[position % servers.length] ?? '',
      name: containerName({ app, env, release: release.version, process: process.type, index: position + 1 }),
      app,
      env,
      release: release.version,
      process: process.type,
      index: position + 1,
      port: process.type === 'web' ? release.port : null,
    })),
  );
}

/** The way from what is observed to what is wanted. Planning after performing is empty. */
export function planRollout(wanted: Wanted, world: World): Plan {
  const containers = planContainers(wanted);
  const missing = findUnreachable(wanted, world, containers);
  const reachable = containers.filter(
    (container) => !missing.some((gone) => gone.server === container.server),
  );
  const observed = world.servers.flatMap((server) => (server.reachable ? server.containers : []));
  const names = new Set(containers.map(keyOf));
  const web = reachable.filter((container) => container.port !== null);
  const routed = new Set(world.routed.map(keyOf));
  const running = new Set(observed.filter((container) => container.state === 'running').map(keyOf));
  const start = reachable.filter((container) => !running.has(keyOf(container)));
  return {
    blocked: blockers(wanted, missing, containers, web),
    skipped: missing,
    start,
    probe: web.filter((container) => !routed.has(keyOf(container)) || !running.has(keyOf(container))),
    switches: planSwitches(wanted, web, world),
    retire: observed.filter((container) => !names.has(keyOf(container))),
  };
}

/** True when there is nothing to do, on the servers that can be reached. */
export function isEmpty(plan: Plan): boolean {
  return plan.start.length + plan.probe.length + plan.switches.length + plan.retire.length === 0;
}

function keyOf(container: { server: string; name: string }): string {
  return `${container.server}/${container.name}`;
}

function findUnreachable(
  wanted: Wanted,
  world: World,
  containers: readonly WantedContainer[],
): Unreachable[] {
  const needed = new Set(containers.map((container) => container.server));
  return wanted.servers.flatMap((name) => {
    const server = world.servers.find((seen) => seen.server === name);
    if (server?.reachable || !needed.has(name)) return [];
    return [{ server: name, reason: server?.reason ?? 'it was not asked' }];
  });
}

function blockers(
  wanted: Wanted,
  missing: readonly Unreachable[],
  containers: readonly WantedContainer[],
  web: readonly WantedContainer[],
): readonly Unreachable[] {
  const nothingLeft = web.length === 0 && containers.some((container) => container.port !== null);
  return wanted.strategy.onUnreachable === 'fail' || nothingLeft ? missing : [];
}

/** Servers that get new containers come first, so that there is something to switch to. */
function planSwitches(wanted: Wanted, web: readonly WantedContainer[], world: World): Switch[] {
  const wantedKeys = new Set(web.map(keyOf));
  const routedKeys = new Set(world.routed.map(keyOf));
  const admit = web.filter((container) => !routedKeys.has(keyOf(container)));
  const dismiss = world.routed.filter((backend) => !wantedKeys.has(keyOf(backend)));
  if (admit.length === 0 && dismiss.length === 0) return [];
  const admitting = wanted.servers.filter((server) => admit.some((container) => container.server === server));
  const batches = planBatches(admitting, wanted.servers.length, wanted.strategy);
  if (batches.length === 0)
    return [{ servers: [], admit: [], dismiss: dismiss.map((backend) => backend.name) }];
  return batches.map((servers, index) => {
    const last = index === batches.length - 1;
    const leaves = (backend: { server: string }) => servers.includes(backend.server);
    const left = (backend: { server: string }) => last && !admitting.includes(backend.server);
    return {
      servers,
      admit: admit.filter(leaves),
      dismiss: dismiss.filter((backend) => leaves(backend) || left(backend)).map((backend) => backend.name),
    };
  });
}
