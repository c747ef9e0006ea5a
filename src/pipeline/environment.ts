import { createHash } from 'node:crypto';
import type { Config, EnvironmentConfig } from '../config.ts';
import { Failure } from '../failure.ts';
import { isPreviewName } from '../model/names.ts';
import { chooseServers, type Server } from '../model/server.ts';
import type { Database } from '../store/database.ts';
import { listAddedServers, listDrained } from '../store/servers.ts';

type Drivers = { readonly config: Config; readonly db: Database };

/** Every server by its name: those of the file, then those that were added since. */
export async function readServers({ config, db }: Drivers): Promise<Readonly<Record<string, Server>>> {
  const added = await listAddedServers(db);
  return { ...Object.fromEntries(added.map((server) => [server.name, server])), ...config.servers };
}

/**
 * An environment as it is now: what the file says of it, on the servers that it may use today. A preview is
 * like the environment that `previews.like` names. Undefined when the file does not know it any more.
 */
export async function findEnvironmentConfig(
  drivers: Drivers,
  name: string,
): Promise<EnvironmentConfig | undefined> {
  const found = findWritten(drivers.config, name);
  if (found === undefined) return undefined;
  const [servers, drained] = await Promise.all([readServers(drivers), listDrained(drivers.db)]);
  const usable = Object.values(servers).filter((server) => !drained.has(server.name));
  const chosen = chooseServers(found.serverWords, usable);
  return { ...found, name, servers: isPreviewName(name) ? chooseOne(name, chosen) : chosen };
}

/** The same. Throws `environment_unknown`. */
export async function readEnvironmentConfig(drivers: Drivers, name: string): Promise<EnvironmentConfig> {
  const found = await findEnvironmentConfig(drivers, name);
  if (found !== undefined) return found;
  const known = Object.keys(drivers.config.environments).join(', ');
  throw new Failure(
    'environment_unknown',
    `There is no environment ${JSON.stringify(name)}; there are: ${known}.`,
  );
}

/** A preview runs where its services are: on one server, and on the same one as long as that is there. */
function chooseOne(name: string, servers: readonly string[]): readonly string[] {
  const rank = (server: string) => createHash('sha256').update(`${name}/${server}`).digest('hex');
  return servers.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, 1);
}

/** What the file says of an environment, a preview too. */
export function findWritten({ environments, previews }: Config, name: string): EnvironmentConfig | undefined {
  if (Object.hasOwn(environments, name)) return environments[name];
  if (previews === null || !isPreviewName(name)) return undefined;
  const like = environments[previews.like];
  return like && { ...like, branches: [], tags: [], promoteFrom: [], approval: 'none' };
}
