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
import { type Run, runProcess } from '../../model/run.ts';
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

export type RunRequest = {
  readonly place: Place;
  readonly actor: Pick<Actor, 'name'>;
  readonly command: readonly string[];
  readonly attached: boolean;
  readonly timeoutMs: number;
  /** All of its stdin; null for none. */
  readonly input: Buffer | null;
};

/** For how long whoever starts or follows a run has it; renewed while they do. */
export const holdMs = 30_000;
const renewMs = 5_000;
const connectMs = 10_000;

/**
 * Starts a one-off command in a container of the live image on a server of its environment. The run is in the ledger
 * before anything of it is made; one whose starter is killed is ended by the next look. Throws `nothing_live`,
 * `run_limit`, `server_unreachable`, and what the engine says.
 */
export async function beginRun(request: RunRequest, drivers: RunDrivers, signal: AbortSignal): Promise<Run> {
  const { db } = drivers;
  const release = await getLive(request.place, drivers);
  const connection = await connectSome(request.place, drivers, signal);
  const run = await recordRun(request, { release, server: connection.server.name }, drivers);
  const renewal = setInterval(() => void hold(run.id, drivers), renewMs);
  try {
    await startRun(run, { request, release, connection }, drivers, signal);
    return await getRun(db, run.id);
  } catch (error) {
    const detail = error instanceof Failure ? error.message : null;
    await endRun(db, run.id, { outcome: 'not_started', exitCode: null, detail, output: [] });
    // What cannot be removed now is removed as a container without a run.
    await removeContainer(connection, run.container, AbortSignal.timeout(connectMs)).catch(() => undefined);
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
  { release, server }: { readonly release: Release; readonly server: string },
  { db, config }: RunDrivers,
): Promise<Run> {
  const { app, environment } = place;
  const redactor = await readRedactor(db, environment.id, passwordsOf(config));
  const shown = command.map((word) => redactor.text(word));
  const { version } = release;
  const now = Date.now();
  return db.transaction().execute(async (tx) => {
    const run = await insertRun(tx, {
      environmentId: environment.id,
      ...{ version, server, attached },
      actor: actor.name,
      command: shown,
      endsMs: now + timeoutMs,
      heldMs: now + holdMs,
      nameContainer: (index) =>
        containerName({
          app: release.app,
          env: environment.name,
          release: version,
          process: runProcess,
          index,
        }),
    });
    // The program alone: what comes behind it may be a secret that nobody knows of.
    const detail = `run ${run.id} on ${server}: ${describeProgram(shown)}`;
    await recordEvent(tx, { actor: actor.name, action: 'run', appId: app.id, env: environment.name, detail });
    return run;
  });
}

function describeProgram([program = '']: readonly string[]): string {
  return program.replace(/\p{Cc}/gu, ' ').slice(0, 60);
}

type Starting = {
  readonly request: RunRequest;
  readonly release: Release;
  readonly connection: ServerConnection;
};

async function startRun(
  run: Run,
  { request, release, connection }: Starting,
  { db, rollout }: RunDrivers,
  signal: AbortSignal,
): Promise<void> {
  const image = await rollout.bringImage(connection, release.image, signal);
  const spec = planRunSpec(run, request, { release, image });
  await createContainer(connection, spec, signal);
  const input = request.input === null ? null : await attachInput(connection, run.container, signal);
  try {
    if (!(await beginRunning(db, run.id, Date.now() + holdMs))) {
      throw new Failure('run_ended_early', `Run ${run.id} was ended before it was started.`);
    }
    await startCreated(connection, spec, signal);
    input?.end(request.input);
    // Whoever asked follows it next; nobody follows the others.
    if (!request.attached) await holdRun(db, run.id, 0);
  } catch (error) {
    input?.destroy();
    throw error;
  }
}

/** What the engine is told of a run's container: the same as of every other one. Pure. */
export function planRunSpec(
  { id, container, server }: Pick<Run, 'id' | 'container' | 'server'>,
  { place, command, input }: Pick<RunRequest, 'place' | 'command' | 'input'>,
  { release, image }: { readonly release: Release; readonly image: string },
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
    config: { ...planVariables(place, release), ...release.config },
    resources: release.resources,
    publish: null,
    deploy: release.deployId,
    epoch: 0,
    restart: 'no',
    input: input !== null,
    stopTimeoutMs: graceMs,
  });
}

/** Between being asked to end and being killed. */
export const graceMs = 10_000;
