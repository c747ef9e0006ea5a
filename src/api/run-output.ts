import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { followLogs } from '../fleet/logs.ts';
import type { Run, RunLine } from '../model/run.ts';
import type { Redactor } from '../secrets/redactor.ts';
import { getRun, readRunOutput } from '../store/runs.ts';
import type { ApiDesk } from './desk.ts';
import { describeRun } from './run-view.ts';
import type { ServerEvent } from './stream.ts';

export type RunWanted = {
  /** Time of the last line that was seen: only later ones come. */
  readonly since: string | undefined;
  /** Takes out what the asker may not read; null for who may read all. */
  readonly redactor: Redactor | null;
};

type Desk = Pick<ApiDesk, 'db' | 'fleet' | 'runs'>;

const renewMs = 5_000;
const lookAgainMs = 300;
const comeBackMs = 2_000;

/** The position that `Last-Event-ID` names. Throws `invalid_input`. Pure. */
export function parseSince(lastEventId: string | undefined): string | undefined {
  if (lastEventId === undefined || /^\d{4}-[\dT:.-]{10,30}Z$/.test(lastEventId)) return lastEventId;
  throw new Failure('invalid_input', 'Last-Event-ID: must be the id of an event of this output.');
}

/**
 * What a run writes, line by line, and `end` with how it ended. An attached run lasts as long as somebody has this
 * open. A server that is out of reach is told once, as `unreachable`.
 */
export async function* followRun(
  desk: Desk,
  id: number,
  wanted: RunWanted,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const { inside } = await getRun(desk.db, id);
  // A command inside is held by who started it alone: nobody else is told what it writes.
  const hold = async () => (inside ? undefined : desk.runs.hold(id));
  await hold();
  const renewal = setInterval(() => void hold(), renewMs);
  const leave = () => clearInterval(renewal);
  signal.addEventListener('abort', leave, { once: true });
  try {
    yield* follow(desk, id, wanted, signal);
  } finally {
    leave();
  }
}

/** What was seen last, and whether a server was told to be out of reach. */
type Cursor = { seen: string | undefined; told: boolean };

async function* follow(
  desk: Desk,
  id: number,
  { since, redactor }: RunWanted,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const cursor: Cursor = { seen: since, told: false };
  while (!signal.aborted) {
    const run = await getRun(desk.db, id);
    const lines = run.state === 'ended' ? readKept(desk, run, cursor) : readNow(desk, run, cursor, signal);
    for await (const item of lines) {
      if ('event' in item) yield item;
      else yield show(item, cursor, redactor);
    }
    if (run.state === 'ended') return yield { event: 'end', data: describeRun(run) };
    await wait(lookAgainMs, signal);
  }
}

function show({ at, stream, line }: RunLine, cursor: Cursor, redactor: Redactor | null): ServerEvent {
  cursor.seen = at;
  return { id: at, data: { at, stream, line: redactor === null ? line : redactor.text(line) } };
}

async function* readKept({ db }: Desk, { id }: Run, { seen }: Cursor): AsyncGenerator<RunLine> {
  for (const line of await readRunOutput(db, id)) {
    if (seen === undefined || line.at > seen) yield line;
  }
}

/** Lines as they come until the command ends, which is then recorded. */
async function* readNow(
  desk: Desk,
  run: Run,
  cursor: Cursor,
  signal: AbortSignal,
): AsyncGenerator<RunLine | (ServerEvent & { readonly event: string })> {
  // Of a command inside only who started it is told what it writes.
  if (run.state === 'starting' || run.inside) return;
  try {
    yield* readLines(desk, run, cursor.seen, signal);
    await desk.runs.settle(run.id, signal);
  } catch (error) {
    if (signal.aborted) return;
    const { server } = run;
    if (!cursor.told) yield { event: 'unreachable', data: { server, reason: (error as Error).message } };
    cursor.told = true;
    await wait(comeBackMs, signal);
  }
}

/** Until its container stops; of one that is gone nothing, since its end is about to be recorded. */
async function* readLines(
  { fleet }: Desk,
  { server, container }: Run,
  since: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<RunLine> {
  const connection = await fleet.connect(server, signal);
  try {
    yield* followLogs(connection, container, { since, signal });
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'docker_failed')) throw error;
  }
}

export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  // The pause rejects when the asker is gone, which the loop then sees.
  await pause(ms, undefined, { signal }).catch(() => undefined);
}
