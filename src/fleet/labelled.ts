import { askEngine } from './ask.ts';
import { removeContainer } from './create.ts';
import type { ServerConnection } from './fleet.ts';
import { removeNamedNetwork } from './network.ts';

export type Labels = Readonly<Record<string, string>>;

/** The labels of every container and network of an engine that carries all of these; an empty value fits any. */
export async function listLabelled(
  connection: ServerConnection,
  labels: Labels,
  signal: AbortSignal,
): Promise<Labels[]> {
  const containers = await listContainers(connection, labels, signal);
  const networks = await listNetworks(connection, labels, signal);
  return [...containers, ...networks].map((found) => found.Labels ?? {});
}

/** Removes the containers that carry all of these labels, with their anonymous volumes; running ones are killed. */
export async function removeLabelledContainers(
  connection: ServerConnection,
  labels: Labels,
  signal: AbortSignal,
): Promise<void> {
  const containers = await listContainers(connection, labels, signal);
  await Promise.all(containers.map(({ Id }) => removeContainer(connection, Id, signal)));
}

/** The same with the networks; one that a container is still in stays. */
export async function removeLabelled(
  connection: ServerConnection,
  labels: Labels,
  signal: AbortSignal,
): Promise<void> {
  await removeLabelledContainers(connection, labels, signal);
  for (const { Id } of await listNetworks(connection, labels, signal)) {
    await removeNamedNetwork(connection, Id, signal);
  }
}

function listContainers(connection: ServerConnection, labels: Labels, signal: AbortSignal) {
  const filters = { label: toFilters(labels) };
  return askEngine({ connection, what: 'list the containers', signal }, (abortSignal) =>
    connection.docker.listContainers({ all: true, filters, abortSignal }),
  );
}

function listNetworks(connection: ServerConnection, labels: Labels, signal: AbortSignal) {
  const filters = { label: toFilters(labels) };
  return askEngine({ connection, what: 'list the networks', signal }, (abortSignal) =>
    connection.docker.listNetworks({ filters, abortSignal }),
  );
}

function toFilters(labels: Labels): string[] {
  return Object.entries(labels).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
}
