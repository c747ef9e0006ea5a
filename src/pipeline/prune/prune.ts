import { removeServices } from '../../build/backing/start.ts';
import { readEngineUse } from '../../fleet/disk.ts';
import type { Docker } from '../../fleet/docker.ts';
import type { Labels } from '../../fleet/labelled.ts';
import { removeNetwork } from '../../fleet/network.ts';
import { namesOf } from '../../model/app.ts';
import { labelNames, type ObservedServer } from '../../model/container.ts';
import { listEngineImages, pruneCache, pruneUnpublished, removeImages } from '../../publish/prune.ts';
import { localRepository } from '../../publish/registry.ts';
import { type EngineImage, planPrune } from '../../publish/retain.ts';
import type { Place } from '../../store/apps.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readServers } from '../environment.ts';
import { repositoryOf } from '../wanted.ts';
import { findLeftovers, removeLeftovers } from './leftovers.ts';
import { type KeptNow, readKept } from './retained.ts';

/** What went from one place, or would go. */
export type Pruned = {
  /** A server's name, `builder` or `registry`. */
  readonly place: string;
  readonly removed: readonly string[];
  /** Bytes that became free; of a plan, the least that would. */
  readonly bytes: number;
  /** Why less went than could have; null when nothing is to be said. */
  readonly note: string | null;
};

export type PruneOptions = { readonly planOnly: boolean; readonly signal: AbortSignal };

/**
 * Removes from one server what is ours and nobody needs: images out of reach of any release, stopped containers,
 * networks without an environment.
 */
export async function pruneServer(
  name: string,
  drivers: PipelineDrivers,
  options: PruneOptions,
): Promise<Pruned> {
  const { signal, planOnly } = options;
  const connection = await drivers.rollout.fleet.connect(name, signal);
  const leftovers = await findLeftovers(connection, drivers, signal);
  const things = [
    ...leftovers.containers.map((container) => container.name),
    ...leftovers.networks.map(({ app, env }) => `network of ${app}/${env}`),
  ];
  // First the containers: an image that one of them has stays.
  if (!planOnly) await removeLeftovers(connection, leftovers, signal);
  const images = await pruneEngine(connection.docker, drivers, options);
  return { place: name, removed: [...things, ...images.removed], bytes: images.bytes, note: null };
}

/**
 * The builder keeps what the servers keep: its layers are the cache of the next build. When it is no server
 * itself, only as much as `builders.cache` allows.
 */
export async function pruneBuilder(drivers: PipelineDrivers, options: PruneOptions): Promise<Pruned> {
  const { builder, config } = drivers;
  const pruned = await pruneEngine(builder, drivers, options);
  if (options.planOnly) return { place: 'builder', ...pruned, note: null };
  const bytes = pruned.bytes + (await pruneUnpublished(builder));
  const alsoServes = Object.values(await readServers(drivers)).some(({ kind }) => kind === 'local');
  if (!alsoServes) {
    const { repositories } = await readKept(drivers);
    await pruneCache(builder, [...repositories], config.builders.cache, options.signal);
  }
  return { place: 'builder', ...pruned, bytes, note: null };
}

async function pruneEngine(
  docker: Docker,
  drivers: PipelineDrivers,
  { planOnly, signal }: PruneOptions,
): Promise<Pick<Pruned, 'removed' | 'bytes'>> {
  const there = await listEngineImages(docker, signal);
  const now = await readKept(drivers);
  const plan = planPrune({ ...there, ...now });
  if (plan.length === 0) return { removed: [], bytes: 0 };
  const before = await readEngineUse(docker, signal);
  const unique = new Map(before.images.map(({ id, uniqueBytes }) => [id, uniqueBytes]));
  const sizeOf = ({ id }: EngineImage) => unique.get(id) ?? 0;
  if (planOnly) {
    const bytes = plan.reduce((sum, image) => sum + sizeOf(image), 0);
    return { removed: plan.map((image) => describeImage(image, now)), bytes };
  }
  const gone = await removeImages(docker, plan, signal);
  const after = await readEngineUse(docker, signal);
  return {
    removed: gone.map((image) => describeImage(image, now)),
    bytes: Math.max(0, before.layersBytes - after.layersBytes),
  };
}

/** `image of shop (production v3)`, by every release that had it. */
function describeImage({ names }: EngineImage, { releases, apps }: KeptNow): string {
  const hex = names.map((name) => /([0-9a-f]{64})$/.exec(name)?.[1]).find((found) => found !== undefined);
  const had = releases.filter(({ image }) => hex !== undefined && image.digest === `sha256:${hex}`);
  const app = names.map((name) => apps.get(name.slice(0, name.lastIndexOf(':')))).find(Boolean);
  const versions = had.map(({ env, version }) => `${env} v${version}`).join(', ');
  return `image of ${app ?? had[0]?.app ?? names[0]} (${versions === '' ? 'no release' : versions})`;
}

function labelsOf({ app, environment }: Place): Labels {
  return { [labelNames.app]: app.name, [labelNames.env]: environment.name };
}

/** What is left of a destroyed environment beside its containers: its network, and with its app the images. */
export async function removeTraces(
  place: Place,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  // The services of a preview may be where none of its containers ever was.
  const isPreview = place.environment.branch !== null;
  const servers = isPreview ? Object.keys(await readServers(drivers)) : world.map(({ server }) => server);
  for (const server of servers) {
    const connection = await drivers.rollout.fleet.connect(server, signal);
    if (isPreview) await removeServices(connection, labelsOf(place), signal);
    for (const app of namesOf(place.app)) {
      await removeNetwork(connection, { app, env: place.environment.name }, signal);
    }
  }
  if (!place.appDestroyed) return;
  // It may have been on servers before that are not among its own now.
  for (const server of Object.keys(await readServers(drivers))) {
    const isOwn = world.some((seen) => seen.server === server);
    try {
      const { docker } = await drivers.rollout.fleet.connect(server, signal);
      await removeRepository(docker, place, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isOwn) throw error;
      drivers.log.warn({ server, error: (error as Error).message }, 'images of a destroyed app may be left');
    }
  }
  await removeRepository(drivers.builder, place, signal);
}

async function removeRepository(docker: Docker, { app }: Place, signal: AbortSignal): Promise<void> {
  const repositories = new Set([localRepository(repositoryOf(app))]);
  const there = await listEngineImages(docker, signal);
  await removeImages(docker, planPrune({ ...there, repositories, kept: new Map() }), signal);
}
