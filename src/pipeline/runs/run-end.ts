import { passwordsOf } from '../../config/passwords.ts';
import { Failure } from '../../failure.ts';
import { inspectContainer, removeContainer } from '../../fleet/create.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { haltContainer } from '../../fleet/halt.ts';
import { endInside } from '../../fleet/inside.ts';
import { readLogLines } from '../../fleet/logs.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedServer } from '../../model/container.ts';
import {
  planRunStep,
  type Run,
  type RunEnd,
  type RunLine,
  type RunSight,
  runProcess,
} from '../../model/run.ts';
import { listPlaces } from '../../store/apps.ts';
import { readRedactor } from '../../store/redaction.ts';
import { endRun, findRun, getRun, listOpenRuns, stopRun } from '../../store/runs.ts';
import { graceMs, markOf, type RunDrivers } from './run.ts';

const keptLines = 500;
const keptChars = 64 * 1024;

/**
 * Does what is due with a run: stops it when its time is over, somebody wants it to end or nobody follows it, and
 * records how it ended. Every step may be repeated; the container goes once its end is in the ledger.
 */
export async function settleRun(
  id: number,
  drivers: RunDrivers,
  { isHolder, signal }: { readonly isHolder: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const run = await findRun(drivers.db, id);
  if (run === undefined || run.state === 'ended') return;
  const connection = await connectTo(run, drivers, signal);
  const look = async () => (connection === null ? null : await seeRun(connection, run, signal));
  const sight = await look();
  const step = planRunStep(run, sight, { now: Date.now(), isHolder });
  if (step.do === 'stop') {
    await stopRun(drivers.db, id, step.why);
    if (connection !== null) await haltRun(run, connection, drivers, signal);
    const now = Date.now();
    const after = run.inside ? null : await look();
    const stopped = planRunStep(await getRun(drivers.db, id), after, {
      now,
      isHolder: isHolder || run.inside,
    });
    if (stopped.do === 'end') await recordEnd(run, stopped.end, { connection, drivers, signal });
  }
  if (step.do === 'end') await recordEnd(run, step.end, { connection, drivers, signal });
}

/** Looks after all that have not ended; one that cannot be looked at keeps no other one from it. */
export async function settleRuns(drivers: RunDrivers, signal: AbortSignal): Promise<void> {
  await Promise.all(
    (await listOpenRuns(drivers.db)).map(async ({ id, server }) => {
      try {
        await settleRun(id, drivers, { isHolder: false, signal });
      } catch (error) {
        signal.throwIfAborted();
        const { message } = error as Error;
        drivers.log.warn({ run: id, server, error: message }, 'a run cannot be looked at, it is tried again');
      }
    }),
  );
}

/**
 * Removes containers of runs that the ledger has as ended, or does not have: what a killed starter left. Of
 * environments that the ledger does not know another installation may be the owner.
 */
export async function removeStrayRuns(
  world: readonly ObservedServer[],
  { db, rollout }: Pick<RunDrivers, 'db' | 'rollout'>,
  signal: AbortSignal,
): Promise<void> {
  const found = world
    .flatMap((server) => (server.reachable ? server.containers : []))
    .filter(({ process }) => process === runProcess);
  if (found.length === 0) return;
  // Read after what is there was listed: every run is recorded before its container is made.
  const open = new Set((await listOpenRuns(db)).map(({ container }) => container));
  const places = await listPlaces(db);
  for (const { app, env, name, server } of found) {
    const isKnown = places.some(
      (place) => namesOf(place.app).includes(app) && place.environment.name === env,
    );
    if (!isKnown || open.has(name)) continue;
    await removeContainer(await rollout.fleet.connect(server, signal), name, signal);
  }
}

/** Of a command inside nobody waits for the end: what its container has to end it goes on by itself. */
async function haltRun(
  run: Run,
  connection: ServerConnection,
  { log }: Pick<RunDrivers, 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { id, container, inside } = run;
  if (!inside) return haltContainer(connection, container, { timeoutMs: graceMs, signal });
  if (await endInside(connection, { container, mark: markOf(run), graceMs }, signal)) return;
  log.warn({ run: id, container }, 'a command may run on: its container has no shell that could end it');
}

/** Null for a server that is not ours any more: nobody can look there. */
async function connectTo(
  { server }: Run,
  { rollout }: RunDrivers,
  signal: AbortSignal,
): Promise<ServerConnection | null> {
  try {
    return await rollout.fleet.connect(server, signal);
  } catch (error) {
    if (error instanceof Failure && error.code === 'server_unknown') return null;
    throw error;
  }
}

async function seeRun(
  connection: ServerConnection,
  { container, inside }: Run,
  signal: AbortSignal,
): Promise<RunSight> {
  // Who started it is the only one that is told of its end, and records it.
  if (inside) return { state: 'running', exitCode: 0, oomKilled: false };
  const found = await inspectContainer(connection, container, signal);
  if (found === null) return null;
  const { Status, ExitCode, OOMKilled } = found.State;
  const isOver = Status === 'exited' || Status === 'dead' || Status === 'removing';
  const state = Status === 'created' ? 'created' : isOver ? 'ended' : 'running';
  return { state, exitCode: ExitCode, oomKilled: OOMKilled };
}

type Ending = {
  readonly connection: ServerConnection | null;
  readonly drivers: RunDrivers;
  readonly signal: AbortSignal;
};

async function recordEnd(run: Run, end: RunEnd, { connection, drivers, signal }: Ending): Promise<void> {
  if (run.inside) return endRun(drivers.db, run.id, { ...end, detail: null, output: [] });
  const output = connection === null ? [] : await readOutput(connection, run, drivers, signal);
  await endRun(drivers.db, run.id, { ...end, detail: null, output });
  if (connection !== null) await removeContainer(connection, run.container, signal);
}

/** The end of what it wrote, as it may be kept. */
async function readOutput(
  connection: ServerConnection,
  { container, environmentId }: Run,
  { db, config }: RunDrivers,
  signal: AbortSignal,
): Promise<readonly RunLine[]> {
  if ((await inspectContainer(connection, container, signal)) === null) return [];
  const lines = await readLogLines(connection, container, { tail: keptLines, signal });
  const redactor = await readRedactor(db, environmentId, passwordsOf(config));
  const kept: RunLine[] = [];
  let left = keptChars;
  for (const { at, stream, line } of lines.toReversed()) {
    left -= line.length;
    if (left < 0) break;
    kept.unshift({ at, stream, line: redactor.text(line) });
  }
  return kept;
}
