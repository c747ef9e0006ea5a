import { inspectContainer } from '../../fleet/create.ts';
import { listDifferences } from '../../fleet/differences.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { ObservedContainer, ObservedServer } from '../../model/container.ts';
import type { Release } from '../../model/release.ts';
import { localTag } from '../../publish/registry.ts';
import { isLost } from '../../rollout/prepare.ts';
import { planSpec } from '../../rollout/spec.ts';
import { keyOf } from '../../rollout/switches.ts';
import type { Place } from '../../store/apps.ts';
import type { ContainerRow } from '../../store/routes.ts';
import { type Down, isDeaf } from './deaf.ts';

/** Running containers that are not what they were made as or refuse connections, by `keyOf`, each with how. */
export type Unfit = ReadonlyMap<string, readonly string[]>;

type Question = {
  readonly place: Place;
  readonly release: Release | null;
  /** Of the environment. */
  readonly rows: readonly ContainerRow[];
  readonly servers: readonly ObservedServer[];
  readonly down: Down;
};

/** Asks the engines for every running container of a release; a server that does not answer is left for later. */
export async function findUnfit(question: Question, fleet: Fleet, signal: AbortSignal): Promise<Unfit> {
  const { release, servers } = question;
  if (release === null) return new Map();
  const mine = servers
    .flatMap((server) => (server.reachable ? server.containers : []))
    .filter((found) => found.release === release.version && found.state === 'running');
  const looked = await Promise.all(
    mine.map(async (found) => {
      try {
        return [keyOf(found), await compare({ ...question, release }, found, fleet, signal)] as const;
      } catch (error) {
        signal.throwIfAborted();
        if (!isLost(error)) throw error;
        return [keyOf(found), []] as const;
      }
    }),
  );
  return new Map(looked.filter(([, differences]) => differences.length > 0));
}

async function compare(
  { place, release, rows, down }: Question & { readonly release: Release },
  found: ObservedContainer,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (release.processes.every(({ type }) => type !== found.process)) return [];
  const row = rows.find(({ server, name }) => server === found.server && name === found.name);
  // One that nobody recorded is retired or taken over by its name; what it was made as is not known.
  if (row === undefined) return [];
  const connection = await fleet.connect(found.server, signal);
  const inspect = await inspectContainer(connection, found.id, signal);
  if (inspect === null) return [];
  const spec = planSpec({
    place,
    release,
    container: { ...found, port: found.process === 'web' ? release.port : null },
    image: localTag(release.image),
    address: connection.server.address,
    hostPort: row.port,
    deploy: found.deploy,
    epoch: found.epoch,
    // Not compared: it may follow the file without the container being another one.
    stopTimeoutMs: 0,
  });
  const isAnswering = !isDeaf(inspect, down.get(found.name) ?? 0, Date.now());
  return [...listDifferences(inspect, spec), ...(isAnswering ? [] : ['no answer on its port'])];
}
