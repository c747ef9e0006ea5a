import { Failure } from '../../failure.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { observeFleet } from '../../fleet/observe.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedContainer, ObservedServer } from '../../model/container.ts';
import type { Place } from '../../store/apps.ts';

/** A process that is meant: `web` for any of that type, `web.1` for one. */
export type ProcessWanted = { readonly type: string; readonly index: number | null };

/**
 * The container that somebody means, as the servers tell it now. Throws `process_unknown`, `process_not_running`,
 * `server_unreachable` when it may be on a server that does not answer.
 */
export async function findServing(
  { app, environment }: Place,
  wanted: ProcessWanted,
  fleet: Fleet,
  signal: AbortSignal,
): Promise<ObservedContainer> {
  const filter = { app: namesOf(app), env: environment.name };
  const seen = await observeFleet(fleet, Object.keys(await fleet.readServers()), filter, signal);
  return chooseServing(seen, wanted, `${environment.name} of ${app.name}`);
}

/** Of the newest release the first one that runs. Pure. */
export function chooseServing(
  seen: readonly ObservedServer[],
  { type, index }: ProcessWanted,
  where: string,
): ObservedContainer {
  const fitting = seen
    .flatMap((server) => (server.reachable ? server.containers : []))
    .filter((found) => found.process === type && (index === null || found.index === index))
    .toSorted((a, b) => b.release - a.release || a.index - b.index);
  const running = fitting.find(({ state }) => state === 'running');
  if (running !== undefined) return running;
  const name = index === null ? type : `${type}.${index}`;
  const away = seen.flatMap((server) => (server.reachable ? [] : [`${server.server}: ${server.reason}`]));
  if (away.length > 0) {
    const why = `it may be on a server that cannot be asked: ${away.join('; ')}`;
    throw new Failure('server_unreachable', `No ${name} of ${where} was found running, and ${why}`);
  }
  const [first] = fitting;
  if (first === undefined) throw new Failure('process_unknown', `There is no ${name} in ${where}.`);
  const { state, server, name: container } = first;
  throw new Failure('process_not_running', `${container} on ${server} is ${state}, not running.`);
}
