import { readFileSync } from 'node:fs';

const signMs = 1_000;
const tickMs = 1_000;
/** Ticks of silence after which a process that something stopped is given up. */
const stoppedTicks = 20;
/** The same for one that runs: it may only be waiting for a stopped one, which has to go first. */
const hungTicks = 30;
/** Before its first sign it has to be loaded, which takes its time on a busy machine. */
const startTicks = 60;

const sign = { alive: true } as const;

/** Tells the supervisor every second that this process lives; without a supervisor it does nothing. */
export function giveSignsOfLife(): Disposable {
  const give = () => {
    if (process.connected) process.send?.(sign);
  };
  give();
  const timer = setInterval(give, signMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

export function isSignOfLife(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'alive' in message;
}

/**
 * Calls `giveUp` once when a process was silent for too many ticks of our own clock: while this process itself
 * stands still it counts nothing, so that it judges nobody for its own absence.
 */
export function watchSigns(
  pid: number,
  giveUp: (silentTicks: number) => void,
): { heard(): void } & Disposable {
  let silent = 0;
  let limit = startTicks;
  const timer = setInterval(() => {
    silent += 1;
    if (silent < Math.min(limit, isStopped(pid) ? stoppedTicks : limit)) return;
    clearInterval(timer);
    giveUp(silent);
  }, tickMs);
  return {
    heard() {
      silent = 0;
      limit = hungTicks;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** True for a process that a signal, a debugger or the freezer of its cgroup holds (proc(5), state T, t or D). */
function isStopped(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return ['T', 't', 'D'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return false;
  }
}
