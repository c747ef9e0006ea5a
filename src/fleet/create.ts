import { Failure } from '../failure.ts';
import { labelNames } from '../model/container.ts';
import { askEngine } from './ask.ts';
import { isMadeFrom, networkName } from './container.ts';
import { type ContainerInspect, type ContainerSpec, statusOf } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { ensureNetwork } from './network.ts';

/** Makes sure that a container of this spec exists; answers the one that was there, or null for a new one. */
export async function createContainer(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<ContainerInspect | null> {
  const what = `create ${spec.name}`;
  await ensureSpecNetwork(connection, spec, signal);
  const create = () =>
    askEngine({ connection, what, signal }, (abortSignal) =>
      connection.docker.createContainer({ ...fitSpec(connection, spec), abortSignal }),
    );
  try {
    await create();
    return null;
  } catch (error) {
    const status = statusOf((error as Failure).cause);
    if (status === 404 && mentionsImage(error)) {
      throw new Failure('image_missing', (error as Failure).message, { cause: error });
    }
    if (status !== 409) throw error;
  }
  const found = await inspectContainer(connection, spec.name, signal);
  if (found && isMadeFrom(found, spec)) return found;
  if (found) await removeOurs(connection, found, signal);
  await create();
  return null;
}

/** How the engine sees a container; null when there is none of that name or id. */
export async function inspectContainer(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<ContainerInspect | null> {
  return await unlessGone(
    askEngine({ connection, what: `inspect ${name}`, signal }, (abortSignal) =>
      connection.docker.getContainer(name).inspect({ abortSignal }),
    ),
  );
}

/** Removes a container whatever its state, with its anonymous volumes; one that is gone is success. */
export async function removeContainer(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const ask = { connection, what: `remove ${name}`, signal };
  const container = connection.docker.getContainer(name);
  try {
    const options = { force: true, v: true };
    await unlessGone(
      askEngine(ask, (abortSignal) => container.remove({ ...options, abortSignal } as typeof options)),
    );
  } catch (error) {
    // 409: somebody else's removal is under way, so its end is what we wait for.
    if (statusOf((error as Failure).cause) !== 409) throw error;
    await unlessGone(askEngine(ask, (abortSignal) => container.wait({ condition: 'removed', abortSignal })));
  }
}

/**
 * Starts a container that was created; one that cannot start is removed. An engine that may not raise the limit of
 * open files is asked once more without it, and never again for it: its containers have the engine's own. `prepare`
 * is done with each container before it is started, such as to attach to it.
 */
export async function startCreated(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
  prepare?: () => Promise<void>,
): Promise<void> {
  const ask = { connection, what: `start ${spec.name}`, signal };
  await prepare?.();
  try {
    await askEngine(ask, (abortSignal) => connection.docker.getContainer(spec.name).start({ abortSignal }));
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'docker_lost') throw error;
    if (statusOf(error.cause) === 304) return;
    // It would hold its name, and the engine would try to start it after a reboot.
    await removeContainer(connection, spec.name, signal);
    if (spec.HostConfig?.Ulimits && error.message.includes('setting rlimit')) {
      connection.refusals.add('open files');
      const without = fitSpec(connection, spec);
      await createContainer(connection, without, signal);
      await startCreated(connection, without, signal, prepare);
      return;
    }
    if (error.code !== 'docker_failed') throw error;
    throw new Failure('container_not_started', error.message, { cause: error.cause });
  }
}

/** The spec without what this engine refused before. */
function fitSpec({ refusals }: ServerConnection, spec: ContainerSpec): ContainerSpec {
  if (!refusals.has('open files') || spec.HostConfig === undefined) return spec;
  const { Ulimits: _, ...HostConfig } = spec.HostConfig;
  return { ...spec, HostConfig };
}

async function removeOurs(
  connection: ServerConnection,
  found: ContainerInspect,
  signal: AbortSignal,
): Promise<void> {
  if (found.Config.Labels?.[labelNames.app] !== undefined) {
    await removeContainer(connection, found.Id, signal);
    return;
  }
  const name = found.Name.replace(/^\//, '');
  throw new Failure('name_taken', `${connection.server.name} has a container ${name} that is not ours`);
}

async function ensureSpecNetwork(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<void> {
  const app = spec.Labels?.[labelNames.app];
  const env = spec.Labels?.[labelNames.env];
  if (app === undefined || env === undefined) throw new Error(`${spec.name} carries no label of ours`);
  // A network of its own was made by whoever wants the container in it.
  if (spec.HostConfig?.NetworkMode !== networkName(app, env)) return;
  await ensureNetwork(connection, { app, env }, signal);
}

/** The answer, or null when the engine says that there is no such thing (404) or that it is so already (304). */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const status = statusOf((error as Failure).cause);
    if (status === 404 || status === 304) return null;
    throw error;
  }
}

function mentionsImage(error: unknown): boolean {
  return (error as Error).message.toLowerCase().includes('no such image');
}
