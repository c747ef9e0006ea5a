import { labelNames, type ObservedServer } from '../model/container.ts';
import { parseEntry } from './container.ts';
import { toFailure } from './docker.ts';
import type { Fleet, ServerConnection } from './fleet.ts';

export type ObserveFilter = {
  /** Or any of several names. */
  readonly app?: string | readonly string[];
  readonly env?: string;
};

const answerMs = 15_000;

/** What a server's engine says of our containers, stopped ones too. Throws when it cannot be asked. */
export async function observeServer(
  connection: ServerConnection,
  filter: ObserveFilter,
  signal: AbortSignal,
): Promise<ObservedServer> {
  const { docker, server, closed } = connection;
  const label = [labelNames.app as string];
  const apps = filter.app === undefined ? undefined : [filter.app].flat();
  // All labels of a filter must fit: of several names it is asked afterwards.
  if (apps?.length === 1) label.push(`${labelNames.app}=${apps[0]}`);
  if (filter.env !== undefined) label.push(`${labelNames.env}=${filter.env}`);
  const abortSignal = AbortSignal.any([signal, closed]);
  try {
    const entries = await docker.listContainers({ all: true, filters: { label }, abortSignal });
    const containers = entries
      .map((entry) => parseEntry(server.name, entry))
      .filter((found) => found !== null)
      .filter(({ app }) => apps === undefined || apps.includes(app));
    return { server: server.name, reachable: true, containers };
  } catch (error) {
    abortSignal.throwIfAborted();
    throw toFailure(error, `list the containers on ${server.name}`);
  }
}

/** All servers at once, in the order of `names`; one that cannot be asked in time (15 s) is a value that says why. */
export async function observeFleet(
  fleet: Fleet,
  names: readonly string[],
  filter: ObserveFilter,
  signal: AbortSignal,
  deadlineMs = answerMs,
): Promise<ObservedServer[]> {
  return await Promise.all(names.map((name) => observeOne(fleet, name, filter, { signal, deadlineMs })));
}

async function observeOne(
  fleet: Fleet,
  name: string,
  filter: ObserveFilter,
  { signal, deadlineMs }: { signal: AbortSignal; deadlineMs: number },
): Promise<ObservedServer> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  try {
    return await observeServer(await fleet.connect(name, bounded), filter, bounded);
  } catch (error) {
    signal.throwIfAborted();
    const { name: kind, message } = error as Error;
    const reason = kind === 'TimeoutError' ? `${name} did not answer within ${deadlineMs / 1000} s` : message;
    return { server: name, reachable: false, reason };
  }
}
