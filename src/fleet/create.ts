import { Failure } from '../failure.ts';
import { labelNames } from '../model/container.ts';
import { askEngine, unlessGone } from './ask.ts';
import { isMadeFrom, networkName } from './container.ts';
import { type ContainerInspect, type ContainerSpec, isAddressTaken, statusOf } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { type Addresses, ensureNetwork } from './network.ts';
import { chooseAddress } from './subnet.ts';

const startTries = 5;
const noneChosen: Addresses = { subnet: null, taken: new Set() };

/** Makes sure that a container of this spec exists; answers the one that was there, or null for a new one. */
export async function createContainer(
  connection: ServerConnection,
  spec: ContainerSpec,
  signal: AbortSignal,
): Promise<ContainerInspect | null> {
  const what = `create ${spec.name}`;
  const addresses = await ensureSpecNetwork(connection, spec, signal);
  const placed = placeSpec(fitSpec(connection, spec), addresses);
  const create = () =>
    askEngine({ connection, what, signal }, (abortSignal) =>
      connection.docker.createContainer({ ...placed, abortSignal }),
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
  for (let tries = 1; ; tries += 1) {
    await prepare?.();
    try {
      await askEngine(ask, (abortSignal) => connection.docker.getContainer(spec.name).start({ abortSignal }));
      return;
    } catch (error) {
      if (!(error instanceof Failure) || error.code === 'docker_lost') throw error;
      if (statusOf(error.cause) === 304) return;
      // It would hold its name, and the engine would try to start it after a reboot.
      await removeContainer(connection, spec.name, signal);
      if (!mayStartAnew(connection, spec, error) || tries === startTries) throw toStartFailure(error);
      await createContainer(connection, spec, signal);
    }
  }
}

/** True when a new container of the same spec has a chance that this one did not have. */
function mayStartAnew({ refusals }: ServerConnection, spec: ContainerSpec, { message }: Failure): boolean {
  if (isAddressTaken(message)) return true;
  if (!spec.HostConfig?.Ulimits || !message.includes('setting rlimit')) return false;
  refusals.add('open files');
  return true;
}

function toStartFailure(error: Failure): Failure {
  if (error.code !== 'docker_failed') return error;
  return new Failure('container_not_started', error.message, { cause: error.cause });
}

/** The spec without what this engine refused before. */
function fitSpec({ refusals }: ServerConnection, spec: ContainerSpec): ContainerSpec {
  if (!refusals.has('open files') || spec.HostConfig === undefined) return spec;
  const { Ulimits: _, ...HostConfig } = spec.HostConfig;
  return { ...spec, HostConfig };
}

/** The spec with an address that no other container gets, whatever becomes of this one's engine. */
function placeSpec(spec: ContainerSpec, { subnet, taken }: Addresses): ContainerSpec {
  const network = spec.HostConfig?.NetworkMode;
  const address = subnet === null ? null : chooseAddress(subnet, taken, Math.random());
  if (network === undefined || address === null) return spec;
  const own = spec.NetworkingConfig?.EndpointsConfig?.[network];
  const endpoint = { ...own, IPAMConfig: { IPv4Address: address } };
  return { ...spec, NetworkingConfig: { EndpointsConfig: { [network]: endpoint } } };
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
): Promise<Addresses> {
  const app = spec.Labels?.[labelNames.app];
  const env = spec.Labels?.[labelNames.env];
  if (app === undefined || env === undefined) throw new Error(`${spec.name} carries no label of ours`);
  // A network of its own was made by whoever wants the container in it.
  if (spec.HostConfig?.NetworkMode !== networkName(app, env)) return noneChosen;
  return await ensureNetwork(connection, { app, env }, signal);
}

function mentionsImage(error: unknown): boolean {
  return (error as Error).message.toLowerCase().includes('no such image');
}
