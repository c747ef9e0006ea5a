import { Failure } from '../failure.ts';
import type { ObservedContainer } from '../model/container.ts';
import { askEngine, unlessGone, untilAnswered } from './ask.ts';
import { type ExitState, isRunningAgain, type LastEnd, parseExit, parseInspect } from './container.ts';
import { createContainer, inspectContainer, removeContainer, startCreated } from './create.ts';
import { type ContainerInspect, type ContainerSpec, isStartedBelow } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { followLogs, readLogLines } from './logs.ts';
import { readMessages } from './messages.ts';

/**
 * Brings a container to run and answers how the engine sees it. The same spec again finds the container that is
 * there; an older one of ours under that name is replaced. `port_taken` and `container_not_started` leave none.
 */
export async function startContainer(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<ObservedContainer> {
  return await untilAnswered(connection, signal, async () => {
    const found = await createContainer(connection, spec, signal);
    // A paused one counts as running.
    if (found?.State.Paused) await unpause(connection, spec.name, signal);
    if (!found?.State.Running) await startOrReplace(connection, spec, signal);
    const inspect = await inspectContainer(connection, spec.name, signal);
    const observed = inspect && parseInspect(connection.server.name, inspect);
    if (observed) return observed;
    throw new Failure(
      'container_not_started',
      `${spec.name} on ${connection.server.name} is gone after its start`,
    );
  });
}

/** One that the engine cannot start, because it was killed while it did so, makes room for a new one. */
async function startOrReplace(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<void> {
  try {
    await startCreated(connection, spec, signal);
  } catch (error) {
    if (!isStartedBelow((error as Error).message)) throw error;
    await createContainer(connection, spec, signal);
    await startCreated(connection, spec, signal);
  }
}

async function unpause(connection: ServerConnection, name: string, signal: AbortSignal): Promise<void> {
  await askEngine({ connection, what: `unpause ${name}`, signal }, (abortSignal) =>
    connection.docker.getContainer(name).unpause({ abortSignal }),
  );
}

/** Null while a container runs and was never restarted; otherwise how it ended. One that is gone is a Failure. */
export async function inspectExit(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<ExitState | null> {
  const inspect = await inspectContainer(connection, name, signal);
  if (!inspect) {
    throw new Failure('container_gone', `${name} is not on ${connection.server.name} any more`);
  }
  return parseExit(inspect, isRunningAgain(inspect) ? await readLastEnd(connection, inspect, signal) : null);
}

/** How a container that runs again ended before, by what its engine still has of its events; null when nothing. */
async function readLastEnd(
  connection: ServerConnection,
  { Id, Created, State }: ContainerInspect,
  signal: AbortSignal,
): Promise<LastEnd | null> {
  const [since, until] = [Date.parse(Created) / 1000, Date.parse(State.StartedAt) / 1000];
  const filters = { container: [Id], event: ['die', 'oom'] };
  const ask = { connection, what: `ask how ${Id.slice(0, 12)} ended`, signal };
  const events = await askEngine(ask, () => connection.docker.getEvents({ since, until, filters }));
  const found: ContainerEvent[] = [];
  for await (const event of readMessages<ContainerEvent>(events)) found.push(event);
  const died = found.findLast(({ Action }) => Action === 'die');
  if (died === undefined) return null;
  const exitCode = Number(died.Actor.Attributes.exitCode);
  return { exitCode, oomKilled: found.some(({ Action }) => Action === 'oom') };
}

/** The last lines of a container as one text, both streams in the order in which the engine has them. */
export async function readLogs(
  connection: ServerConnection,
  name: string,
  { tail }: { readonly tail: number },
  signal: AbortSignal,
): Promise<string> {
  const lines = await readLogLines(connection, name, { tail, signal });
  return lines.map(({ line }) => line).join('\n');
}

/** Asks the container to stop, kills it after `timeoutMs`, and removes it with its anonymous volumes. */
export async function stopContainer(
  connection: ServerConnection,
  name: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  const t = Math.ceil(timeoutMs / 1000);
  const stop = { connection, what: `stop ${name}`, signal, deadlineMs: timeoutMs + 30_000 };
  await untilAnswered(connection, signal, async () => {
    await unlessGone(
      askEngine(stop, (abortSignal) => connection.docker.getContainer(name).stop({ t, abortSignal })),
    );
    await removeContainer(connection, name, signal);
  });
}

type ContainerEvent = {
  readonly Action: string;
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
};

export type RunOptions = {
  readonly log: (line: string) => void;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Ends the waiting and lets the run go on, for whoever looks it up next. */
  readonly leave?: AbortSignal;
  /** Records the run as begun, between the creation of its container and the start. */
  readonly begin?: () => Promise<void>;
  /** It was begun before: it is looked for and never made anew. */
  readonly isBegun?: boolean;
  /** Whether one that was begun may still have to be started; not when its start was asked for. */
  readonly mayStart?: boolean;
};

const killMs = 10_000;

/**
 * Runs a container to its end and answers how it ended; the caller removes it. The same spec again attaches to the
 * run that is there and gives its outcome, so a command never runs twice for one deploy and epoch. When it takes
 * longer than `timeoutMs`, or the signal aborts, it is stopped. `container_gone` when a run that was begun is not
 * there any more.
 */
export async function runOnce(
  connection: ServerConnection,
  spec: ContainerSpec,
  options: RunOptions,
): Promise<ExitState> {
  const { log, timeoutMs, signal, leave = new AbortController().signal } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const bounded = AbortSignal.any([signal, late, leave]);
  let seen: string | undefined;
  const stand = { isBegun: options.isBegun ?? false, mayStart: options.mayStart ?? true };
  const begin = options.begin && (() => recordBegin(stand, options));
  try {
    return await untilAnswered(connection, bounded, async () => {
      await beginRun(connection, spec, { ...stand, begin, signal: bounded });
      for await (const { at, line } of followLogs(connection, spec.name, { since: seen, signal: bounded })) {
        log(line);
        seen = at;
      }
      await waitForEnd(connection, spec.name, bounded);
      const exit = await inspectExit(connection, spec.name, bounded);
      if (exit) return exit;
      throw new Failure('docker_lost', `${spec.name} on ${connection.server.name}: its end was not reported`);
    });
  } catch (error) {
    if (!bounded.aborted) throw error;
    leave.throwIfAborted();
    await stopRun(connection, spec.name);
    signal.throwIfAborted();
    throw new Failure(
      'run_timed_out',
      `${spec.name} did not end within ${timeoutMs / 1000} s and was stopped`,
    );
  }
}

/** Aborts the moment the engine reports the container's death, or the connection is lost. Ends with `signal`. */
export async function watchDeath(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<AbortSignal> {
  const died = new AbortController();
  const what = `watch ${name}`;
  const filters = { container: [name], event: ['die'] };
  const events = await askEngine({ connection, what, signal }, () =>
    connection.docker.getEvents({ filters }),
  );
  const stop = () => (events as NodeJS.ReadableStream & { destroy(): void }).destroy();
  signal.addEventListener('abort', stop, { once: true });
  events.once('data', () => died.abort());
  events.once('error', () => died.abort());
  events.once('close', () => died.abort());
  events.on('end', stop);
  died.signal.addEventListener('abort', stop, { once: true });
  return died.signal;
}

async function beginRun(
  connection: ServerConnection,
  spec: ContainerSpec,
  {
    signal,
    begin,
    isBegun,
    mayStart,
  }: Stand & { begin: (() => Promise<void>) | undefined; signal: AbortSignal },
): Promise<void> {
  const place = `${spec.name} on ${connection.server.name}`;
  const found = isBegun
    ? await inspectContainer(connection, spec.name, signal)
    : await createContainer(connection, spec, signal);
  if (isBegun && !found) throw new Failure('container_gone', `${place} is not there any more`);
  if (found && found.State.Status !== 'created') return;
  const halfway = () => new Failure('container_gone', `${place} was being started when its engine was lost`);
  if (isBegun && !mayStart) throw halfway();
  await begin?.();
  try {
    await startCreated(connection, spec, signal);
  } catch (error) {
    // The engine has forgotten a start that the runtime below it remembers.
    throw begin && isStartedBelow((error as Error).message) ? halfway() : error;
  }
}

type Stand = { isBegun: boolean; mayStart: boolean };

async function recordBegin(stand: Stand, { begin }: RunOptions): Promise<void> {
  await begin?.();
  stand.isBegun = true;
  stand.mayStart = false;
}

async function waitForEnd(connection: ServerConnection, name: string, signal: AbortSignal): Promise<void> {
  const ask = { connection, what: `wait for ${name}`, signal, deadlineMs: 24 * 3_600_000 };
  await askEngine(ask, (abortSignal) => connection.docker.getContainer(name).wait({ abortSignal }));
}

async function stopRun(connection: ServerConnection, name: string): Promise<void> {
  const ask = { connection, what: `stop ${name}`, signal: AbortSignal.timeout(killMs + 30_000) };
  const t = killMs / 1000;
  await untilAnswered(connection, ask.signal, () =>
    unlessGone(
      askEngine(ask, (abortSignal) => connection.docker.getContainer(name).stop({ t, abortSignal })),
    ),
  );
}
