import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { type Attached, attachTerminal, readAttached, resizeSoon } from '../../fleet/attach.ts';
import { startCreated } from '../../fleet/create.ts';
import { createInside, endInside, type Inside } from '../../fleet/inside.ts';
import type { Frame } from '../../fleet/log-frames.ts';
import type { Run, TerminalSize } from '../../model/run.ts';
import { endRun, findRun, getRun, stopRun } from '../../store/runs.ts';
import {
  beginOn,
  beginOrLeave,
  createRun,
  graceMs,
  hold,
  markName,
  markOf,
  prepareLive,
  type RunDrivers,
  type RunRequest,
  renewMs,
  type TerminalWanted,
} from './run.ts';
import { settleRun } from './run-end.ts';
import { findServing, type ProcessWanted } from './serving.ts';

export type AttachRequest = Omit<RunRequest, 'attached' | 'input'> & {
  /** In a container that serves already; null makes a new one of the live image. */
  readonly process: ProcessWanted | null;
  readonly terminal: TerminalWanted | null;
};

/** A command that somebody is at: it ends when the signal of who asked for it aborts. */
export type Attachment = {
  readonly run: Run;
  /** Who has it may type. */
  readonly key: string;
  /** All that it writes; its end is in the ledger, or about to be, when this is over. */
  read(): AsyncGenerator<Frame>;
  /** Bytes of its input from this place on, told twice without harm. Throws `invalid_input`. */
  put(input: InputPiece): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
};

export type InputPiece = { readonly at: number; readonly data: Buffer; readonly isLast: boolean };

type Begun = { readonly attached: Attached; readonly inside: Inside | null };

const endOfInput = Buffer.from([4]);
const endMs = 60_000;
const lookAgainMs = 300;

/**
 * Starts a command with its streams in somebody's hands. Throws what `beginRun` throws, `process_unknown`,
 * `process_not_running`.
 */
export async function attachRun(
  request: AttachRequest,
  drivers: RunDrivers,
  signal: AbortSignal,
): Promise<Attachment> {
  const { run, started } = await (request.process === null
    ? beginTerminal(request, drivers, signal)
    : beginInside(request, request.process, drivers, signal));
  // Ended by somebody else, its streams are of no use, whatever still runs.
  const over = new AbortController();
  const renewal = setInterval(() => {
    void hold(run.id, drivers);
    void isOver(run, drivers).then((ended) => ended && over.abort());
  }, renewMs);
  const leave = () => {
    clearInterval(renewal);
    started.attached.stream.destroy();
    void leaveRun(run, drivers);
  };
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  return {
    run,
    key: randomBytes(16).toString('hex'),
    async *read() {
      let first: Frame | null = null;
      for await (const frame of readAttached(started.attached, AbortSignal.any([signal, over.signal]))) {
        first ??= frame;
        yield frame;
      }
      if (started.inside === null || over.signal.aborted) return;
      const exitCode = await awaitExit(started.inside, signal);
      await recordExit(run, exitCode === 126 ? correctExit(first) : exitCode, drivers);
    },
    put: openInput(started.attached),
    async resize(size) {
      // It may have ended since; a wrong size stops nothing.
      await started.attached.resize(size).catch(() => undefined);
    },
  };
}

async function isOver({ id }: Run, { db }: RunDrivers): Promise<boolean> {
  // While nobody can tell it is not.
  const found = await findRun(db, id).catch(() => null);
  return found !== null && (found === undefined || found.state === 'ended');
}

/** Whoever was at it is gone: it is ended now, and by the upkeep if that fails. */
async function leaveRun({ id }: Run, drivers: RunDrivers): Promise<void> {
  try {
    await stopRun(drivers.db, id, 'left');
    await settleRun(id, drivers, { isHolder: false, signal: AbortSignal.timeout(endMs) });
  } catch (error) {
    drivers.log.warn({ run: id, error: (error as Error).message }, 'a run is not ended yet');
  }
}

function toRunRequest(request: AttachRequest): RunRequest {
  return { ...request, attached: true, input: null };
}

async function beginTerminal(asked: AttachRequest, drivers: RunDrivers, signal: AbortSignal) {
  const request = toRunRequest(asked);
  const { terminal } = asked;
  if (terminal === null) throw new Error('without a terminal a run of its own is begun otherwise');
  const live = await prepareLive(request.place, drivers, signal);
  const { connection } = live.ground;
  return beginOn(live.ground, request, drivers, async (run): Promise<Begun> => {
    const spec = await createRun(run, { request, ...live, terminal }, drivers, signal);
    let attached: Attached | null = null;
    try {
      await beginOrLeave(run, drivers);
      await startCreated(connection, spec, signal, async () => {
        attached = await attachTerminal(connection, run.container, signal);
      });
    } catch (error) {
      (attached as Attached | null)?.stream.destroy();
      throw error;
    }
    if (attached === null) throw new Error(`${run.container} was started and nobody is at it`);
    void resizeSoon(attached, terminal);
    return { attached, inside: null };
  });
}

async function beginInside(
  asked: AttachRequest,
  wanted: ProcessWanted,
  drivers: RunDrivers,
  signal: AbortSignal,
) {
  const request = toRunRequest(asked);
  const { terminal, command } = asked;
  const { fleet } = drivers.rollout;
  const {
    name: container,
    server,
    release: version,
  } = await findServing(request.place, wanted, fleet, signal);
  const connection = await fleet.connect(server, signal);
  const ground = { connection, version, container, nameContainer: () => container };
  return beginOn(ground, request, drivers, async (run): Promise<Begun> => {
    const [, mark = ''] = markOf(run).split('=');
    const env = { [markName]: mark, ...(terminal === null ? {} : { TERM: terminal.kind }) };
    const made = { container, command, env, terminal };
    const inside = await createInside(connection, made, signal);
    await beginOrLeave(run, drivers);
    const attached = await inside.start(signal).catch(async (error: unknown) => {
      const wanted = { container, mark: markOf(run), graceMs };
      // It may have begun. What cannot be ended now ends with its container.
      await endInside(connection, wanted, AbortSignal.timeout(endMs)).catch(() => undefined);
      throw error;
    });
    if (terminal !== null) void resizeSoon(attached, terminal);
    return { attached, inside };
  });
}

/** Its output is over; it may go on for a moment, or as long as it closed that. */
async function awaitExit(inside: Inside, signal: AbortSignal): Promise<number | null> {
  for (;;) {
    const exitCode = await inside.readExit(signal);
    if (exitCode !== undefined) return exitCode;
    await pause(lookAgainMs, undefined, { signal });
  }
}

async function recordExit({ id }: Run, exitCode: number | null, { db }: RunDrivers): Promise<void> {
  const { stop } = await getRun(db, id);
  const outcome = stop ?? (exitCode === null ? 'lost' : 'exited');
  await endRun(db, id, { outcome, exitCode, detail: null, output: [] });
}

/** An engine that could not run a program says so in its output, and 126 also of one that is not there. Pure. */
export function correctExit(first: Frame | null): number {
  const said = first?.data.toString('utf8', 0, 2000) ?? '';
  const isMissing = /executable file not found|no such file or directory/.test(said);
  return said.startsWith('OCI runtime exec failed') && isMissing ? 127 : 126;
}

/** Input in its order, no faster than the command takes it. A terminal is told of the end by its own key for it. */
export function openInput({ stream, terminal }: Pick<Attached, 'stream' | 'terminal'>): Attachment['put'] {
  let taken = 0;
  let last: Promise<void> = Promise.resolve();
  async function take({ at, data, isLast }: InputPiece): Promise<void> {
    if (at > taken) throw new Failure('invalid_input', `body.at: ${taken} bytes came so far.`);
    const fresh = data.subarray(taken - at);
    taken += fresh.length;
    const bytes = isLast && terminal ? Buffer.concat([fresh, endOfInput]) : fresh;
    if (bytes.length > 0 && stream.writable) await write(bytes);
    if (isLast && !terminal) stream.end();
  }
  const write = (bytes: Buffer) =>
    new Promise<void>((resolve) => {
      stream.once('close', resolve);
      stream.write(bytes, () => {
        stream.off('close', resolve);
        resolve();
      });
    });
  return (piece) => {
    const mine = last.then(() => take(piece));
    // Who sent that piece is told.
    last = mine.catch(() => undefined);
    return mine;
  };
}
