import { Failure } from '../../failure.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readServers } from '../environment.ts';
import { type Pruned, type PruneOptions, pruneBuilder, pruneServer } from './prune.ts';
import { collectGarbage, pruneRegistry } from './prune-registry.ts';

/**
 * Prunes one server, or with null all of them, the builder and the registry. What is out of reach keeps nobody from
 * the rest and says why in its note. Throws `server_unknown`.
 */
export async function pruneAll(
  server: string | null,
  drivers: PipelineDrivers,
  options: PruneOptions & { readonly urgent: boolean },
): Promise<readonly Pruned[]> {
  const names = Object.keys(await readServers(drivers));
  if (server !== null && !names.includes(server)) {
    throw new Failure('server_unknown', `There is no server ${JSON.stringify(server.slice(0, 80))}.`);
  }
  const done: Pruned[] = [];
  for (const name of server === null ? names : [server]) {
    done.push(await orNote(name, options.signal, () => pruneServer(name, drivers, options)));
  }
  if (server !== null) return done;
  done.push(await orNote('builder', options.signal, () => pruneBuilder(drivers, options)));
  done.push(await orNote('registry', options.signal, () => pruneAndCollect(drivers, options)));
  return done;
}

async function pruneAndCollect(
  drivers: PipelineDrivers,
  options: PruneOptions & { readonly urgent: boolean },
): Promise<Pruned> {
  const pruned = await pruneRegistry(drivers, options);
  if (options.planOnly || (await collectGarbage(drivers, options.urgent))) return pruned;
  const isLater = drivers.config.registry === 'embedded' && pruned.removed.length > 0;
  const note = isLater ? 'its disk is freed later, when no deploy is under way' : pruned.note;
  return { ...pruned, note };
}

async function orNote(place: string, signal: AbortSignal, prune: () => Promise<Pruned>): Promise<Pruned> {
  try {
    return await prune();
  } catch (error) {
    signal.throwIfAborted();
    return { place, removed: [], bytes: 0, note: (error as Error).message };
  }
}
