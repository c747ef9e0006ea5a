import type { Duplex } from 'node:stream';
import { passwordsOf } from '../../config/passwords.ts';
import { Failure } from '../../failure.ts';
import { attachInput } from '../../fleet/attach.ts';
import { containerSpec } from '../../fleet/container.ts';
import { createContainer, removeContainer, startCreated } from '../../fleet/create.ts';
import type { ContainerSpec } from '../../fleet/docker.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import type { Actor } from '../../model/access.ts';
import { containerName } from '../../model/names.ts';
import type { Release } from '../../model/release.ts';
import { type Run, runProcess, type TerminalSize } from '../../model/run.ts';
import { planVariables } from '../../rollout/variables.ts';
import type { Place } from '../../store/apps.ts';
import { recordEvent } from '../../store/events.ts';
import { readRedactor } from '../../store/redaction.ts';
import { getRelease } from '../../store/releases.ts';
import { listContainers } from '../../store/routes.ts';
import { beginRunning, endRun, getRun, holdRun, insertRun } from '../../store/runs.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';

export type RunDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'log'> & {
  readonly rollout: Pick<PipelineDrivers['rollout'], 'fleet' | 'bringImage'>;
};

/** A terminal that somebody has: its kind as of TERM, and the window it is in. */
export type TerminalWanted = TerminalSize & { readonly kind: string };

export type RunRequest = {
  readonly place: Place;
  readonly actor: Pick<Actor, 'name'>;
  readonly command: readonly string[];
  readonly attached: boolean;
  readonly timeoutMs: number;
  /** All of its stdin; null for none. */
  readonly input: Buffer | null;
};

/** What a run is about to be started on. */
export type Ground = {
  readonly connection: ServerConnection;
  /** Of the release. */
  readonly version: number;
  /** The container that is there already; null makes one. */
  readonly container: string | null;
  nameContainer(id: number): string;
};

/** For how long whoever starts or follows a run has it; renewed while they do. */
export const holdMs = 30_000;
export const renewMs = 5_000;
const connectMs = 10_000;

/**
 * Starts a one-off command in a container of the live image on a server of its environment. The run is in the ledger
 * before anything of it is made; one whose starter is killed is ended by the next look. Throws `nothing_live`,
 * `run_limit`, `server_unreachable`, and what the engine says.
 */
export async function beginRun(request: RunRequest, drivers: RunDrivers, signal: AbortSignal): Promise<Run> {
  const live = await prepareLive(request.place, drivers, signal);
  const { run } = await beginOn(live.ground, request, drivers, (made) =>
    startRun(made, { request, ...live }, drivers, signal),
  );
  return run;
}

/** The live release, on a server of its environment. */
export async function prepareLive(place: Place, drivers: RunDrivers, signal: AbortSignal): Promise<Live> {
  const release = await getLive(place, drivers);
  const connection = await connectSome(place, drivers, signal);
  const { app, version } = release;
  const env = place.environment.name;
  const nameContainer = (index: number) =>
    containerName({ app, env, release: version, process: runProcess, index });
  return { release, ground: { connection, version, container: null, nameContainer } };
}

/** Records the run and has it held while it is started; one that cannot be started is recorded as that. */
export async function beginOn<T>(
  ground: Ground,
  request: RunRequest,
  drivers: RunDrivers,
  start: (run: Run) => Promise<T>,
): Promise<{ readonly run: Run; readonly started: T }> {
  const { db } = drivers;
  const run = await recordRun(request, ground, drivers);
  const renewal = setInterval(() => void hold(run.id, drivers), renewMs);
  try {
    const started = await start(run);
    return { run: await getRun(db, run.id), started };
  } catch (error) {
    const detail = error instanceof Failure ? error.message : null;
    await endRun(db, run.id, { outcome: 'not_started', exitCode: null, detail, output: [] });
    if (!run.inside) {
      const bounded = AbortSignal.timeout(connectMs);
      // What cannot be removed now is removed as a container without a run.
      await removeContainer(ground.connection, run.container, bounded).catch(() => undefined);
    }
    throw error;
  } finally {
    clearInterval(renewal);
  }
}

/** Says that somebody starts or follows the run, for a while. */
export async function hold(id: number, { db, log }: Pick<RunDrivers, 'db' | 'log'>): Promise<void> {
  await holdRun(db, id, Date.now() + holdMs).catch((error: Error) =>
    log.warn({ run: id, error: error.message }, 'a run is not held'),
  );
}

async function getLive({ app, environment }: Place, { db }: RunDrivers): Promise<Release> {
  if (environment.currentReleaseId !== null) return getRelease(db, environment.currentReleaseId);
  throw new Failure('nothing_live', `Nothing is live in ${environment.name} of ${app.name}.`);
}

/** A server of the environment that answers; one that has the image already comes first. */
async function connectSome(
  { environment }: Place,
  drivers: RunDrivers,
  signal: AbortSignal,
): Promise<ServerConnection> {
  const { servers } = await readEnvironmentConfig(drivers, environment.name);
  const rows = await listContainers(drivers.db, environment.id);
  const isUsed = (name: string) => rows.some(({ server }) => server === name);
  const reasons: string[] = [];
  for (const name of servers.toSorted((a, b) => Number(isUsed(b)) - Number(isUsed(a)))) {
    try {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
      return await drivers.rollout.fleet.connect(name, bounded);
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(`${name}: ${(error as Error).message}`);
    }
  }
  const why = reasons.length === 0 ? 'it has none that takes anything' : reasons.join('; ');
  throw new Failure('server_unreachable', `No server of ${environment.name} can be reached: ${why}`);
}

async function recordRun(
  { place, actor, command, attached, timeoutMs }: RunRequest,
  { connection: { server }, version, container, nameContainer }: Ground,
  { db, config }: RunDrivers,
): Promise<Run> {
  const { app, environment } = place;
  const redactor = await readRedactor(db, environment.id, passwordsOf(config));
  const shown = command.map((word) => redactor.text(word));
  const now = Date.now();
  return db.transaction().execute(async (tx) => {
    const run = await insertRun(tx, {
      environmentId: environment.id,
      ...{ version, server: server.name, attached, nameContainer },
      inside: container !== null,
      actor: actor.name,
      command: shown,
      endsMs: now + timeoutMs,
      heldMs: now + holdMs,
    });
    const where = container === null ? `on ${server.name}` : `in ${container} on ${server.name}`;
    // The program alone: what comes behind it may be a secret that nobody knows of.
    const detail = `run ${run.id} ${where}: ${describeProgram(shown)}`;
    const action = container === null ? 'run' : 'ps:exec';
    await recordEvent(tx, { actor: actor.name, action, appId: app.id, env: environment.name, detail });
    return run;
  });
}

function describeProgram([program = '']: readonly string[]): string {
  return program.replace(/\p{Cc}/gu, ' ').slice(0, 60);
}

export type Live = { readonly release: Release; readonly ground: Ground };

async function startRun(
  run: Run,
  { request, ...live }: Live & { readonly request: RunRequest },
  drivers: RunDrivers,
  signal: AbortSignal,
): Promise<void> {
  const { connection } = live.ground;
  const spec = await createRun(run, { request, ...live }, drivers, signal);
  let input: Duplex | null = null;
  try {
    await beginOrLeave(run, drivers);
    await startCreated(connection, spec, signal, async () => {
      if (request.input !== null) input = await attachInput(connection, run.container, signal);
    });
    (input as Duplex | null)?.end(request.input);
    // Whoever asked follows it next; nobody follows the others.
    if (!request.attached) await holdRun(drivers.db, run.id, 0);
  } catch (error) {
    (input as Duplex | null)?.destroy();
    throw error;
  }
}

/** Makes the container of a run, with a terminal of the kind that is named. */
export async function createRun(
  run: Run,
  {
    request,
    release,
    ground,
    terminal,
  }: Live & { readonly request: RunRequest; readonly terminal?: TerminalWanted },
  { rollout }: RunDrivers,
  signal: AbortSignal,
): Promise<ContainerSpec> {
  const image = await rollout.bringImage(ground.connection, release.image, signal);
  const spec = planRunSpec(run, request, { release, image, ...(terminal === undefined ? {} : { terminal }) });
  await createContainer(ground.connection, spec, signal);
  return spec;
}

/** The last moment in which somebody can keep it from being started. Throws `run_ended_early`. */
export async function beginOrLeave({ id }: Run, { db }: RunDrivers): Promise<void> {
  if (await beginRunning(db, id, Date.now() + holdMs)) return;
  throw new Failure('run_ended_early', `Run ${id} was ended before it was started.`);
}

/** What the engine is told of a run's container: the same as of every other one. Pure. */
export function planRunSpec(
  { id, container, server }: Pick<Run, 'id' | 'container' | 'server'>,
  { place, command, input }: Pick<RunRequest, 'place' | 'command' | 'input'>,
  {
    release,
    image,
    terminal,
  }: {
    readonly release: Release;
    readonly image: string;
    readonly terminal?: TerminalWanted;
  },
): ContainerSpec {
  const { environment } = place;
  return containerSpec({
    wanted: {
      server,
      name: container,
      app: release.app,
      env: environment.name,
      release: release.version,
      process: runProcess,
      index: id,
      port: null,
    },
    image,
    process: { type: runProcess, command, quantity: 1 },
    config: {
      ...(terminal === undefined ? {} : { TERM: terminal.kind }),
      ...planVariables(place, release),
      ...release.config,
    },
    resources: release.resources,
    publish: null,
    deploy: release.deployId,
    epoch: 0,
    restart: 'no',
    input: input !== null || terminal !== undefined,
    ...(terminal === undefined ? {} : { terminal }),
    stopTimeoutMs: graceMs,
  });
}

/** What a command inside has in its environment, so that it and its children are found there. */
export function markOf({ id, container }: Pick<Run, 'id' | 'container'>): string {
  return `${markName}=${id}:${container}`;
}

export const markName = 'HAWSER_EXEC';

/** Between being asked to end and being killed. */
export const graceMs = 10_000;
