import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { LogLine } from '../fleet/log-frames.ts';
import { followLogs, readLogLines } from '../fleet/logs.ts';
import { observeFleet } from '../fleet/observe.ts';
import { namesOf } from '../model/app.ts';
import type { ObservedContainer } from '../model/container.ts';
import type { Redactor } from '../secrets/redactor.ts';
import type { Place } from '../store/apps.ts';
import type { ApiDesk } from './desk.ts';
import { openMailbox } from './mailbox.ts';
import type { ServerEvent } from './stream.ts';

export type LogsWanted = {
  /** `web`, or `web.1` for one of them. */
  readonly process?: string | undefined;
  readonly server?: string | undefined;
  readonly release?: number | undefined;
  /** How many lines of what was; null for all since a time. */
  readonly tail: number | null;
  readonly follow: boolean;
  /** Time of the last line that was seen, or that is too old: only later ones come. */
  readonly since: string | undefined;
  /** Takes out what the asker may not read; null for who may read all. */
  readonly redactor: Redactor | null;
};

const lookAgainMs = 2_000;
const longestTail = 10_000;

/**
 * Lines of all containers that fit: what was written so far in the order of time, then what comes, also from
 * containers that are started meanwhile. A server that cannot be asked is told once, as `unreachable`.
 * Throws `server_unknown`, `invalid_input`.
 */
export async function mergeLogs(
  desk: ApiDesk,
  place: Place,
  wanted: LogsWanted,
  signal: AbortSignal,
): Promise<AsyncGenerator<ServerEvent>> {
  if (wanted.server !== undefined) await desk.fleet.getServer(wanted.server);
  if (wanted.since !== undefined && Number.isNaN(Date.parse(wanted.since))) {
    throw new Failure('invalid_input', 'Last-Event-ID: must be the id of an event of this log.');
  }
  return merge(desk, place, wanted, signal);
}

async function* merge(
  desk: ApiDesk,
  place: Place,
  wanted: LogsWanted,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const told = new Set<string>();
  const first = await findContainers(desk, place, wanted, signal);
  yield* tellUnreachable(first.unreachable, told);
  const past = await Promise.all(first.containers.map((each) => readPast(desk, each, wanted, signal)));
  const lost = past.flatMap(({ container: { server }, reason }) =>
    reason === null ? [] : [{ server, reason }],
  );
  yield* tellUnreachable(lost, told);
  const ordered = past
    .flatMap(({ container, lines }) => lines.map((line) => ({ container, line })))
    .toSorted((a, b) => (a.line.at < b.line.at ? -1 : 1));
  const kept = wanted.tail === null ? ordered : ordered.slice(Math.max(0, ordered.length - wanted.tail));
  for (const { container, line } of kept) yield toEvent(container, line, wanted.redactor);
  if (!wanted.follow) return;
  const seen = new Map(
    past.map(({ container, lines }) => [keyOf(container), lines.at(-1)?.at ?? wanted.since]),
  );
  yield* followAll(desk, place, { ...wanted, seen, told, first: first.containers }, signal);
}

type Following = LogsWanted & {
  readonly seen: Map<string, string | undefined>;
  readonly told: Set<string>;
  readonly first: readonly ObservedContainer[];
};

async function* followAll(
  desk: ApiDesk,
  place: Place,
  wanted: Following,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const box = openMailbox<ServerEvent>(signal);
  const active = new Set<string>();
  const begin = (container: ObservedContainer) => {
    const key = keyOf(container);
    if (active.has(key)) return;
    active.add(key);
    void followOne(desk, container, wanted, { put: box.put, signal }).finally(() => active.delete(key));
  };
  for (const container of wanted.first) begin(container);
  void lookForNew(desk, place, wanted, { put: box.put, begin, signal });
  yield* box.items();
}

async function lookForNew(
  desk: ApiDesk,
  place: Place,
  wanted: Following,
  {
    put,
    begin,
    signal,
  }: { put(event: ServerEvent): void; begin(one: ObservedContainer): void; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    // The pause rejects when the asker is gone; the loop then ends by itself.
    await pause(lookAgainMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const now = await findContainers(desk, place, wanted, signal);
      for (const event of tellUnreachable(now.unreachable, wanted.told)) put(event);
      for (const container of now.containers) if (container.state === 'running') begin(container);
    } catch (error) {
      if (!signal.aborted)
        put({ event: 'unreachable', data: { server: '*', reason: (error as Error).message } });
    }
  }
}

/** Ends with the container or the connection; the next look around begins anew behind the last line. */
async function followOne(
  { fleet }: ApiDesk,
  container: ObservedContainer,
  { seen, redactor }: Following,
  { put, signal }: { put(event: ServerEvent): void; signal: AbortSignal },
): Promise<void> {
  const key = keyOf(container);
  try {
    const connection = await fleet.connect(container.server, signal);
    const since = seen.get(key);
    for await (const line of followLogs(connection, container.id, { since, signal })) {
      seen.set(key, line.at);
      put(toEvent(container, line, redactor));
    }
  } catch (error) {
    if (signal.aborted || (error as Failure).code === 'docker_failed') return;
    put({ event: 'unreachable', data: { server: container.server, reason: (error as Error).message } });
  }
}

async function findContainers(
  desk: ApiDesk,
  { app, environment }: Place,
  wanted: LogsWanted,
  signal: AbortSignal,
) {
  const known = Object.keys(await desk.fleet.readServers());
  const names = wanted.server === undefined ? known : [wanted.server];
  const observed = await observeFleet(
    desk.fleet,
    names,
    { app: namesOf(app), env: environment.name },
    signal,
  );
  const containers = observed.flatMap((server) => (server.reachable ? server.containers : []));
  return {
    containers: containers.filter(
      ({ process, index, state, release }) =>
        state !== 'created' &&
        (wanted.release === undefined || wanted.release === release) &&
        (wanted.process === undefined ||
          wanted.process === process ||
          wanted.process === `${process}.${index}`),
    ),
    unreachable: observed.flatMap((server) => (server.reachable ? [] : [server])),
  };
}

function* tellUnreachable(
  servers: readonly { readonly server: string; readonly reason: string }[],
  told: Set<string>,
): Generator<ServerEvent> {
  for (const { server, reason } of servers) {
    if (!told.has(server)) yield { event: 'unreachable', data: { server, reason } };
    told.add(server);
  }
}

async function readPast(
  { fleet }: ApiDesk,
  container: ObservedContainer,
  wanted: LogsWanted,
  signal: AbortSignal,
) {
  const { since } = wanted;
  // With a tail of 0 the last line is still read: following begins behind it.
  const tail = Math.max(wanted.tail ?? longestTail, 1);
  try {
    const connection = await fleet.connect(container.server, signal);
    const lines = await readLogLines(connection, container.id, { tail, since, signal });
    return { container, lines, reason: null };
  } catch (error) {
    signal.throwIfAborted();
    return { container, lines: [], reason: (error as Error).message };
  }
}

function toEvent(
  { server, process, index, release }: ObservedContainer,
  line: LogLine,
  redactor: Redactor | null,
): ServerEvent {
  const { at, stream, line: said } = line;
  const text = redactor === null ? said : redactor.text(said);
  return { id: at, data: { at, server, process, index, release, stream, line: text } };
}

function keyOf({ server, id }: ObservedContainer): string {
  return `${server} ${id}`;
}
