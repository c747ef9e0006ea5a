import type { ObservedContainer } from '../../model/container.ts';
import { runProcess } from '../../model/run.ts';

export type KnownEnvironment = {
  readonly app: string;
  readonly env: string;
  /** Version of what it runs. */
  readonly current: number | null;
  /** Something of it is under way: nothing of it is touched. */
  readonly busy: boolean;
  /** It has its place on this server, or something there. */
  readonly here: boolean;
};

export type Network = { readonly app: string; readonly env: string };

export type Leftovers = {
  readonly containers: readonly ObservedContainer[];
  readonly networks: readonly Network[];
};

const stopped: readonly ObservedContainer['state'][] = ['created', 'exited', 'dead'];

/**
 * What is ours on a server and has no use: stopped containers of releases that are not the current one, networks of
 * environments that are elsewhere. What the ledger does not know may be another installation's and stays. Pure.
 */
export function planLeftovers(
  question: Leftovers & { readonly environments: readonly KnownEnvironment[] },
): Leftovers {
  const idle = new Map(
    question.environments.filter(({ busy }) => !busy).map((known) => [keyOf(known), known]),
  );
  const containers = question.containers.filter((container) => {
    // Runs are ended and removed by those who know them.
    if (container.process === runProcess) return false;
    const known = idle.get(keyOf(container));
    return known !== undefined && container.release !== known.current && stopped.includes(container.state);
  });
  const occupied = new Set(
    question.containers.filter((container) => !containers.includes(container)).map(keyOf),
  );
  const networks = question.networks.filter((network) => {
    const known = idle.get(keyOf(network));
    return known !== undefined && !known.here && !occupied.has(keyOf(network));
  });
  return { containers, networks };
}

function keyOf({ app, env }: Network): string {
  return `${app}/${env}`;
}
