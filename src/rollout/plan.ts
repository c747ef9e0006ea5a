import type { RolloutConfig } from '../config.ts';
import type { ObservedContainer, ObservedServer, WantedContainer } from '../model/container.ts';
import type { RolloutProgress } from '../model/deploy.ts';
import { containerName, releaseName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import { runProcess } from '../model/run.ts';
import { planPlaces } from './placement.ts';
import { keyOf, listRightlyRouted, planSwitches } from './switches.ts';

/** What an environment is to run; no release means nothing. */
export type Wanted = {
  readonly app: string;
  readonly env: string;
  readonly release: Release | null;
  /** In the order of deploy.config.json. */
  readonly servers: readonly string[];
  readonly strategy: Pick<RolloutConfig, 'strategy' | 'first' | 'batch' | 'steps' | 'onUnreachable'>;
  /** Versions whose `web` containers stay, without being routed, for a quick way back. */
  readonly keep: readonly number[];
  /** Null when nothing is in the middle. */
  readonly progress: RolloutProgress | null;
};

/** What was seen on the servers, and the names that the load balancer was told to serve. */
export type World = {
  readonly servers: readonly ObservedServer[];
  readonly routed: readonly {
    readonly name: string;
    readonly server: string;
    readonly weight: number;
    /** `ip:port` that the load balancer was told. */
    readonly address?: string;
  }[];
  /** Requests wait, because nothing may run for a moment. */
  readonly holding?: boolean;
  /** Where containers were meant to be, so that those of a server that is out of reach are known too. */
  readonly recorded?: readonly {
    readonly name: string;
    readonly server: string;
    readonly port?: number | null;
  }[];
  /** Running ones that are not what they should be, by `keyOf`. */
  readonly unfit?: ReadonlySet<string>;
};

/** One change of the routing table: the admitted are in before the dismissed are out. */
export type Switch = {
  readonly servers: readonly string[];
  readonly admit: readonly WantedContainer[];
  readonly dismiss: readonly string[];
  /** Percent of the requests that the new release has from here on; null: what its number gives it. */
  readonly share: number | null;
  /** Of all that is in the table then, by name. */
  readonly weights: Readonly<Record<string, number>>;
};

/** What must be out of the table and stopped before anything is started, for an app that cannot run twice. */
export type Clearance = {
  readonly dismiss: readonly string[];
  readonly stop: readonly ObservedContainer[];
};

export type Unreachable = { readonly server: string; readonly reason: string };

/** Prepare, switch, retire: each a list that can be empty; all empty when the world is as wanted. */
export type Plan = {
  /** Servers without which it must not go on. */
  readonly blocked: readonly Unreachable[];
  readonly skipped: readonly Unreachable[];
  /** Null unless two releases must not run at once and another one does. */
  readonly clear: Clearance | null;
  /** To be created or started. */
  readonly start: readonly WantedContainer[];
  /** To be asked from outside before they are routed. */
  readonly probe: readonly WantedContainer[];
  readonly switches: readonly Switch[];
  readonly retire: readonly ObservedContainer[];
};

/**
 * The containers of a release: spread over the servers, the same names however often it is planned. What `world`
 * knows of the release already stays where it is.
 */
export function planContainers(
  wanted: Wanted,
  world: World = { servers: [], routed: [] },
): readonly WantedContainer[] {
  const { release, servers, app, env } = wanted;
  if (release === null) return [];
  const known = [...listObserved(world), ...world.routed, ...(world.recorded ?? [])];
  return release.processes.flatMap((process) => {
    const same = { app, env, release: release.version, process: process.type };
    const stem = containerName({ ...same, index: 0 }).slice(0, -1);
    const places = planPlaces({
      servers,
      quantity: process.quantity ?? servers.length,
      present: known.flatMap(({ server, name }) => {
        const digits = name.startsWith(stem) ? name.slice(stem.length) : '';
        return /^[1-9]\d{0,8}$/.test(digits) ? [{ server, index: Number(digits) }] : [];
      }),
      isUnfit: ({ server, index }) => world.unfit?.has(keyOf({ server, name: `${stem}${index}` })) ?? false,
    });
    return places.map((place) => ({
      ...same,
      ...place,
      name: `${stem}${place.index}`,
      port: process.type === 'web' ? release.port : null,
    }));
  });
}

function listObserved({ servers }: World): readonly ObservedContainer[] {
  return servers.flatMap((server) => (server.reachable ? server.containers : []));
}

/** The way from what is observed to what is wanted. Planning after performing is empty. */
export function planRollout(wanted: Wanted, world: World): Plan {
  const containers = planContainers(wanted, world);
  const missing = findUnreachable(wanted, world, containers);
  const reachable = containers.filter(
    (container) => !missing.some((gone) => gone.server === container.server),
  );
  const observed = listObserved(world).filter((container) => !isRun(wanted, container));
  const names = new Set(containers.map(keyOf));
  const web = reachable.filter((container) => container.port !== null);
  const clear = planClearance(wanted, world, observed);
  const routed = world.routed.filter((backend) => clear === null || !clear.dismiss.includes(backend.name));
  const routedKeys = new Set(listRightlyRouted({ ...world, routed }).map(keyOf));
  const running = new Set(observed.filter((container) => container.state === 'running').map(keyOf));
  const start = reachable.filter((container) => !running.has(keyOf(container)));
  return {
    blocked: listBlockers(wanted, missing, { world, observed, containers }),
    skipped: missing,
    clear,
    start,
    probe: web.filter((container) => !routedKeys.has(keyOf(container)) || !running.has(keyOf(container))),
    switches: planSwitches(wanted, web, {
      ...world,
      routed,
      holding: world.holding === true || clear !== null,
    }),
    retire: observed.filter((container) => !names.has(keyOf(container)) && !isKept(wanted, container)),
  };
}

/** True when there is nothing to do, on the servers that can be reached. */
export function isEmpty(plan: Plan): boolean {
  const { start, probe, switches, retire } = plan;
  return start.length + probe.length + switches.length + retire.length === 0 && plan.clear === null;
}

/** A one-off command is somebody's own, whatever is rolled out beside it, as long as its environment is there. */
function isRun({ release }: Wanted, { process }: ObservedContainer): boolean {
  return process === runProcess && release !== null;
}

/** Only what is asked for is kept: an old worker that goes on would do work that nobody wants from it. */
function isKept({ keep }: Wanted, container: ObservedContainer): boolean {
  return container.process === 'web' && keep.includes(container.release);
}

function planClearance(
  { strategy, release, app, env }: Wanted,
  { routed }: World,
  observed: readonly ObservedContainer[],
): Clearance | null {
  if (strategy.strategy !== 'recreate' || release === null) return null;
  const mine = `${releaseName({ app, env, release: release.version })}-`;
  const others = observed.filter((container) => container.release !== release.version);
  const stop = others.filter((container) => container.state !== 'exited' && container.state !== 'created');
  const dismiss = routed.filter(({ name }) => !name.startsWith(mine)).map(({ name }) => name);
  return stop.length + dismiss.length === 0 ? null : { dismiss, stop };
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

type Sight = {
  readonly world: World;
  readonly observed: readonly ObservedContainer[];
  readonly containers: readonly WantedContainer[];
};

function listBlockers(wanted: Wanted, missing: readonly Unreachable[], sight: Sight): readonly Unreachable[] {
  if (mayRunTwice(wanted, sight)) {
    return sight.world.servers.filter((server) => !server.reachable);
  }
  const isThere = (container: WantedContainer) => missing.every((gone) => gone.server !== container.server);
  const web = sight.containers.filter((container) => container.port !== null);
  const nothingLeft = web.length > 0 && !web.some(isThere);
  return wanted.strategy.onUnreachable === 'fail' || nothingLeft ? missing : [];
}

/** The first container of a release starts only when every server was seen to run nothing else. */
function mayRunTwice({ strategy, release }: Wanted, { observed }: Sight): boolean {
  if (strategy.strategy !== 'recreate' || release === null) return false;
  return !observed.some(
    (container) => container.release === release.version && container.state === 'running',
  );
}
