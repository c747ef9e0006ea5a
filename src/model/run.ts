/** The process type of one-off commands; no line of a Procfile may have it. */
export const runProcess = 'run';

/** How a run came to its end; only the first has an exit code of the command's own. */
export const runOutcomes = [
  'exited',
  'out_of_memory',
  'timed_out',
  'cancelled',
  /** Nobody followed it any more. */
  'left',
  'not_started',
  /** Its container was gone. */
  'lost',
] as const;
export type RunOutcome = (typeof runOutcomes)[number];

/** Why a run is stopped before its command ends. */
export type RunStop = Extract<RunOutcome, 'timed_out' | 'cancelled' | 'left'>;

/** One line of a run's output; `at` is the engine's time, sortable as text. */
export type RunLine = { readonly at: string; readonly stream: 'stdout' | 'stderr'; readonly line: string };

/** Of the window that somebody looks into, in characters. */
export type TerminalSize = { readonly rows: number; readonly columns: number };

/** What TERM may say of a terminal. */
export const terminalKind = /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$/;

/** A one-off command in a container of its own, of the image that was live when it was asked for. */
export type Run = {
  readonly id: number;
  readonly environmentId: string;
  /** Of the release. */
  readonly version: number;
  readonly server: string;
  readonly container: string;
  /** It runs in a container that was there before and stays when it ends. */
  readonly inside: boolean;
  readonly actor: string;
  /** Without what is known to be a secret. */
  readonly command: readonly string[];
  /** It ends when nobody follows it. */
  readonly attached: boolean;
  readonly state: 'starting' | 'running' | 'ended';
  /** Until then (Unix ms) somebody starts or follows it; null: nobody. */
  readonly heldMs: number | null;
  /** When its time is over, Unix ms. */
  readonly endsMs: number;
  readonly stop: RunStop | null;
  readonly outcome: RunOutcome | null;
  readonly exitCode: number | null;
  /** What the engine said of its end. */
  readonly detail: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
};

/** What the engine tells of a run's container; null when there is none. */
export type RunSight = {
  readonly state: 'created' | 'running' | 'ended';
  readonly exitCode: number;
  readonly oomKilled: boolean;
} | null;

export type RunEnd = Pick<Run, 'outcome' | 'exitCode'> & { readonly outcome: RunOutcome };

/** What is to be done with a run: nothing, stop it for a reason, or record how it ended. */
export type RunStep =
  | { readonly do: 'wait' }
  | { readonly do: 'stop'; readonly why: RunStop }
  | { readonly do: 'end'; readonly end: RunEnd };

/**
 * What is due with a run of which this was seen at `now` (Unix ms). Whoever starts or follows it ends it
 * (`isHolder`); others leave it alone until that one is gone. Pure.
 */
export function planRunStep(
  run: Run,
  sight: RunSight,
  { now, isHolder }: { now: number; isHolder: boolean },
): RunStep {
  const isHeld = run.heldMs !== null && run.heldMs > now;
  if (run.state === 'ended') return { do: 'wait' };
  if (run.state === 'starting') {
    return isHeld ? { do: 'wait' } : { do: 'end', end: { outcome: 'not_started', exitCode: null } };
  }
  if (sight?.state === 'running') {
    const why = findStop(run, now, isHeld);
    return why === null ? { do: 'wait' } : { do: 'stop', why };
  }
  if (isHeld && !isHolder) return { do: 'wait' };
  return { do: 'end', end: describeEnd(run, sight) };
}

function findStop({ stop, endsMs, attached }: Run, now: number, isHeld: boolean): RunStop | null {
  if (stop !== null) return stop;
  if (now >= endsMs) return 'timed_out';
  return attached && !isHeld ? 'left' : null;
}

function describeEnd({ stop }: Run, sight: RunSight): RunEnd {
  if (sight === null) return { outcome: stop ?? 'lost', exitCode: null };
  if (sight.state === 'created') return { outcome: stop ?? 'not_started', exitCode: null };
  const { exitCode, oomKilled } = sight;
  return { outcome: stop ?? (oomKilled ? 'out_of_memory' : 'exited'), exitCode };
}
