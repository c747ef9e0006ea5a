import { removeNetwork } from '../fleet/network.ts';
import type { ObservedServer } from '../model/container.ts';
import { pruneCache, pruneImages, pruneUnpublished } from '../publish/prune.ts';
import { planRetention } from '../publish/retain.ts';
import { listPlaces, type Place } from '../store/apps.ts';
import { getRelease, listReleases } from '../store/releases.ts';
import type { PipelineDrivers } from './drivers.ts';
import { repositoryOf } from './wanted.ts';

const releasesSeen = 1_000;

/** Removes from one server, and from the builder, the images that no release in reach needs any more. */
export async function pruneServer(
  name: string,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  const { docker } = await drivers.rollout.fleet.connect(name, signal);
  for (const [repository, keep] of await listKept(drivers)) {
    await pruneImages(docker, repository, keep, signal);
  }
}

/**
 * The builder keeps what the servers keep: its layers are the cache of the next build. When it is no server
 * itself, only as much as `builders.cache` allows.
 */
export async function pruneBuilder(drivers: PipelineDrivers, signal: AbortSignal): Promise<void> {
  const kept = await listKept(drivers);
  for (const [repository, keep] of kept) {
    await pruneImages(drivers.builder, repository, keep, signal);
  }
  await pruneUnpublished(drivers.builder);
  const { servers, builders } = drivers.config;
  if (Object.values(servers).some(({ kind }) => kind === 'local')) return;
  await pruneCache(drivers.builder, [...kept.keys()], builders.cache, signal);
}

/** What stays of each app: the union over its environments of the current and the rollback set. */
async function listKept(drivers: PipelineDrivers): Promise<Map<string, { digest: string }[]>> {
  const kept = new Map<string, { digest: string }[]>();
  for (const place of await listPlaces(drivers.db)) {
    const repository = repositoryOf(place.app);
    const keep = place.destroyed ? [] : await listKeptOf(place, drivers);
    kept.set(repository, [...(kept.get(repository) ?? []), ...keep]);
  }
  return kept;
}

async function listKeptOf({ environment }: Place, { db, config }: PipelineDrivers) {
  const releases = await listReleases(db, environment.id, { limit: releasesSeen });
  const currentId = environment.currentReleaseId;
  const currentVersion = currentId === null ? null : (await getRelease(db, currentId)).version;
  const { keep } = planRetention({ releases, currentVersion, keep: config.retention.releases });
  return keep.map((image) => ({ digest: image.digest }));
}

/** What is left of a destroyed environment beside its containers: its network, and with its app the images. */
export async function removeTraces(
  place: Place,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  const repository = repositoryOf(place.app);
  for (const { server } of world) {
    const connection = await drivers.rollout.fleet.connect(server, signal);
    await removeNetwork(connection, { app: place.app.name, env: place.environment.name }, signal);
    if (place.appDestroyed) await pruneImages(connection.docker, repository, [], signal);
  }
  if (place.appDestroyed) await pruneImages(drivers.builder, repository, [], signal);
}
