import { type Docker, statusOf, toFailure } from '../fleet/docker.ts';
import { labelNames } from '../model/container.ts';
import { localRepository } from './registry.ts';
import { type EngineImage, planCache } from './retain.ts';

/** What an engine has: its images, and the ids of those that a container has, running or not. */
export async function listEngineImages(
  docker: Docker,
  signal: AbortSignal,
): Promise<{ readonly images: readonly EngineImage[]; readonly inUse: ReadonlySet<string> }> {
  try {
    // In this order: a container that is made after the images were listed is seen.
    const images = await docker.listImages({ abortSignal: signal } as object);
    const containers = await docker.listContainers({ all: true, abortSignal: signal });
    return {
      images: images.map(({ Id, RepoTags, RepoDigests, Size }) => ({
        id: Id,
        names: [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => !name.startsWith('<none>')),
        bytes: Size,
      })),
      inUse: new Set(containers.map(({ ImageID }) => ImageID)),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, 'list the images');
  }
}

/** Takes our names from images, which removes those that have no other. Answers the images that are gone. */
export async function removeImages(
  docker: Docker,
  images: readonly EngineImage[],
  signal: AbortSignal,
): Promise<readonly EngineImage[]> {
  const gone: EngineImage[] = [];
  for (const image of images) {
    signal.throwIfAborted();
    let removed = true;
    for (const name of image.names) removed = (await removeName(docker, name)) && removed;
    if (removed) gone.push(image);
  }
  return gone;
}

/** Removes the oldest images of these repositories from an engine that only builds, until they fit into `budget` bytes. */
export async function pruneCache(
  docker: Docker,
  repositories: readonly string[],
  budget: number,
  signal: AbortSignal,
): Promise<number> {
  if (repositories.length === 0) return 0;
  // Named one by one: another installation may share the engine.
  const filters = { reference: repositories.map(localRepository) };
  try {
    const images = await docker.listImages({ filters, abortSignal: signal } as object);
    const cached = images.flatMap(({ RepoTags, Created, Size }) =>
      (RepoTags ?? []).map((tag) => ({
        repository: tag.slice(0, tag.lastIndexOf(':')),
        tag,
        createdAt: Created,
        size: Size,
      })),
    );
    let removed = 0;
    for (const tag of planCache(cached, budget)) if (await removeName(docker, tag)) removed += 1;
    return removed;
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, 'prune the cache of the builder');
  }
}

/** Removes what builds of ours left that never were published, an hour ago or more. Answers the bytes that it freed. */
export async function pruneUnpublished(docker: Docker): Promise<number> {
  try {
    const { SpaceReclaimed } = await docker.pruneImages({
      filters: { dangling: ['true'], label: [labelNames.deploy], until: ['1h'] },
    });
    return SpaceReclaimed ?? 0;
  } catch (error) {
    // The engine prunes already, for somebody else: what is left goes the next time.
    if (statusOf(error) === 409) return 0;
    throw toFailure(error, 'prune what builds left');
  }
}

/** False when a container uses it (409); one that somebody else removed meanwhile (404) is gone as well. */
async function removeName(docker: Docker, name: string): Promise<boolean> {
  try {
    await docker.getImage(name).remove();
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 || status === 404) return status === 404;
    throw toFailure(error, `remove ${name}`);
  }
}
