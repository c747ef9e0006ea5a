import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { partToRestart } from './ask-restart.ts';
import { findProcess, isAlive, keepProcess, type ProcessId, parseProcess } from './process-id.ts';
import { isSignOfLife, watchSigns } from './sign-of-life.ts';

export type ChildPlan = {
  readonly name: string;
  readonly file: string;
  /** Asked anew before every start. */
  argv(): readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** One that outlived an earlier supervisor is kept, so that it goes on serving; otherwise it is ended. */
  readonly adopt: boolean;
  /** Ends itself when this process is gone, and is told of it by its channel; over it come its signs of life. */
  readonly channel: boolean;
  /** Before every start; it ends early when the signal aborts. */
  prepare?(signal: AbortSignal): Promise<void>;
};

export type ChildFolders = { readonly run: string; readonly logs: string };

export type Child = {
  readonly name: string;
  /** Ends and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const stopLimitMs = 25_000;
const watchMs = 250;
const longestWaitMs = 5_000;
const steadyMs = 10_000;

type Events = {
  started(name: string, pid: number, adopted: boolean): void;
  died(name: string, how: string, waitMs: number): void;
  /** A child asks that a part be started anew; null means our own processes, with the config as it is now. */
  askedRestart(part: string | null): void;
};

/** Keeps one program running: started, watched, started again when it dies, with growing pauses. */
export function keepChild(plan: ChildPlan, folders: ChildFolders, events: Events): Child {
  const pidFile = join(folders.run, `${plan.name}.pid`);
  const ending = new AbortController();
  let present: ProcessId | undefined;
  const running = run();

  async function run(): Promise<void> {
    let failures = 0;
    while (!ending.signal.aborted) {
      const begin = performance.now();
      const how = await runOnce();
      if (ending.signal.aborted) return;
      failures = performance.now() - begin > steadyMs ? 0 : failures + 1;
      const waitMs = failures <= 1 ? 0 : Math.min(100 * 2 ** failures, longestWaitMs);
      events.died(plan.name, how, waitMs);
      // Ends early when it is stopped.
      await pause(waitMs, undefined, { signal: ending.signal }).catch(() => {});
    }
  }

  async function runOnce(): Promise<string> {
    const old = readPidFile(pidFile);
    if (old && plan.adopt) {
      present = old;
      events.started(plan.name, old.pid, true);
      return watchAdopted(old);
    }
    if (old) await end(old);
    try {
      await plan.prepare?.(ending.signal);
      return await spawnAndWait();
    } catch (error) {
      return (error as Error).message;
    }
  }

  async function spawnAndWait(): Promise<string> {
    const child = startProcess(plan, folders);
    const exit = once(child, 'exit');
    await once(child, 'spawn');
    present = findProcess(child.pid ?? 0);
    using watch = plan.channel && present ? watchPart(child, present) : undefined;
    if (present) {
      // One that nobody could find again must not run: a second one would be started beside it.
      await keepOrEnd(pidFile, present);
      events.started(plan.name, present.pid, false);
    }
    // It was asked to stop while it started.
    if (present && ending.signal.aborted) await end(present);
    const [code, signal] = await exit;
    present = undefined;
    if (watch?.silentTicks()) return `gave no sign of life for ${watch.silentTicks()} s and was killed`;
    return signal ? `ended by ${signal}` : `ended with exit code ${code}`;
  }

  /** One that stands still may hold the ledger's lock: nobody else could write until it goes on. */
  function watchPart(child: ChildProcess, id: ProcessId): { silentTicks(): number } & Disposable {
    let silentTicks = 0;
    const signs = watchSigns(id.pid, (ticks) => {
      silentTicks = ticks;
      signalProcess(id, 'SIGKILL');
    });
    child.on('message', (message) =>
      isSignOfLife(message) ? signs.heard() : events.askedRestart(partToRestart(message)),
    );
    return { silentTicks: () => silentTicks, [Symbol.dispose]: () => signs[Symbol.dispose]() };
  }

  async function watchAdopted(id: ProcessId): Promise<string> {
    while (isAlive(id)) await pause(watchMs);
    present = undefined;
    return 'ended';
  }

  return {
    name: plan.name,
    async restart() {
      if (present) await end(present);
    },
    async stop() {
      ending.abort();
      if (present) await end(present);
      await running;
    },
  };
}

/** What the child writes goes to a file of its own, which outlives it and us. */
function startProcess(plan: ChildPlan, folders: ChildFolders): ChildProcess {
  const output = openSync(join(folders.logs, `${plan.name}.log`), 'a', 0o600);
  try {
    return spawn(plan.file, [...plan.argv()], {
      env: plan.env,
      stdio: ['ignore', output, output, ...(plan.channel ? (['ipc'] as const) : [])],
      // A Ctrl-C on the terminal reaches the supervisor alone, which ends its children in order.
      detached: true,
    });
  } finally {
    closeSync(output);
  }
}

async function keepOrEnd(pidFile: string, id: ProcessId): Promise<void> {
  try {
    keepProcess(pidFile, id);
  } catch (error) {
    await end(id);
    throw error;
  }
}

/** SIGTERM, and SIGKILL when that is not obeyed within 25 s. */
async function end(id: ProcessId): Promise<void> {
  signalProcess(id, 'SIGTERM');
  const deadline = performance.now() + stopLimitMs;
  while (isAlive(id) && performance.now() < deadline) await pause(20);
  if (isAlive(id)) signalProcess(id, 'SIGKILL');
  while (isAlive(id)) await pause(20);
}

function signalProcess(id: ProcessId, signal: NodeJS.Signals): void {
  try {
    if (isAlive(id)) process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function readPidFile(file: string): ProcessId | undefined {
  try {
    const id = parseProcess(readFileSync(file, 'utf8'));
    return id && isAlive(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
