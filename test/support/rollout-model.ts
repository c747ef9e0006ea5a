import type { ObservedContainer } from '../../src/model/container.ts';
import type { Process, Release } from '../../src/model/release.ts';
import type { Clearance, Plan, Switch, Wanted, World } from '../../src/rollout/plan.ts';

export const strategy = {
  strategy: 'rolling',
  first: { count: 1 },
  batch: { percent: 50 },
  steps: [10, 50],
  onUnreachable: 'fail',
} as const;

export function makeRelease(version: number, processes: readonly Process[]): Release {
  return {
    id: version,
    environmentId: 'e1',
    app: 'shop',
    version,
    image: { repository: 'hawser/a1', digest: `sha256:${version}` },
    config: {},
    outside: {},
    processes,
    releaseCommand: null,
    port: 8080,
    health: null,
    resources: { memory: 1, cpus: 1, pids: 1 },
    commit: null,
    author: null,
    message: null,
    actor: 'test',
    deployId: version,
    rollbackOf: null,
    defaults: {},
    domains: [],
    imageDeployId: 1,
    promotedFrom: null,
    wentLiveAt: null,
    createdAt: '',
  };
}

export const web: Process = { type: 'web', command: null, quantity: null };
export const threeServers = ['app1', 'app2', 'app3'];

export function want(release: Release | null, more: Partial<Wanted> = {}): Wanted {
  const rest = { strategy, keep: [], progress: null };
  return { app: 'shop', env: 'production', release, servers: threeServers, ...rest, ...more };
}

export function emptyWorld(servers: readonly string[] = threeServers): World {
  return { servers: servers.map((server) => ({ server, reachable: true, containers: [] })), routed: [] };
}

function toObserved(container: {
  server: string;
  name: string;
  release: number;
  process: string;
  index: number;
}) {
  const rest = { id: container.name, app: 'shop', env: 'production', deploy: 1, epoch: 1, imageId: 'i' };
  const state: ObservedContainer['state'] = 'running';
  return { ...rest, ...container, state, address: '10.0.0.1:20000' };
}

/** What runs and what is routed, at one moment. */
export type Moment = { readonly running: readonly ObservedContainer[]; readonly routed: World['routed'] };

/** Servers after the first `cut` steps of a plan, as the engines would show them; `look` sees each moment. */
export function perform(
  world: World,
  plan: Plan,
  cut: number,
  look: (moment: Moment) => void = () => {},
): World {
  let now = world;
  look(toMoment(now));
  for (const act of listActs(plan).slice(0, cut)) {
    now = act(now);
    look(toMoment(now));
  }
  return now;
}

type Act = (world: World) => World;

function listActs({ clear, start, switches, retire }: Plan): readonly Act[] {
  return [
    ...(clear === null ? [] : planClearing(clear)),
    ...start.map((wanted) =>
      change(wanted.server, (present) => [
        ...present.filter((other) => other.name !== wanted.name),
        toObserved(wanted),
      ]),
    ),
    ...switches.map((step) => (world: World) => switchOver(world, step)),
    ...retire.map((old) =>
      change(old.server, (present) => present.filter((other) => other.name !== old.name)),
    ),
  ];
}

function planClearing({ dismiss, stop }: Clearance): readonly Act[] {
  const hold = (world: World) => ({
    ...world,
    holding: true,
    routed: world.routed.filter((backend) => !dismiss.includes(backend.name)),
  });
  const end = (name: string) => (present: readonly ObservedContainer[]) =>
    present.map((other) => (other.name === name ? { ...other, state: 'exited' as const } : other));
  return [hold, ...stop.map((container) => change(container.server, end(container.name)))];
}

function switchOver(world: World, { admit, dismiss, weights }: Switch): World {
  const admitted = admit.map(({ name, server }) => ({ name, server, weight: 0 }));
  const staying = world.routed.filter((backend) => !dismiss.includes(backend.name));
  const routed = [...staying, ...admitted].map((backend) => ({
    ...backend,
    weight: weights[backend.name] ?? -1,
  }));
  return { ...world, routed, holding: false };
}

function change(
  name: string,
  act: (present: readonly ObservedContainer[]) => readonly ObservedContainer[],
): Act {
  return (world) => ({
    ...world,
    servers: world.servers.map((server) =>
      server.server === name && server.reachable ? { ...server, containers: act(server.containers) } : server,
    ),
  });
}

function toMoment({ servers, routed }: World): Moment {
  const containers = servers.flatMap((server) => (server.reachable ? server.containers : []));
  return { running: containers.filter(({ state }) => state === 'running'), routed };
}
