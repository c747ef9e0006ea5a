import { type Docker, statusOf, toFailure } from '../fleet/docker.ts';
import { labelNames } from '../model/container.ts';
import { hexOf, localRepository } from './registry.ts';
import { planCache } from './retain.ts';

/**
 * Removes an app's images from an engine but for those to be kept. Only our own tags of this repository are
 * touched, and an image that a container still uses stays. Answers how many went.
 */
export async function pruneImages(
  docker: Docker,
  repository: string,
  keep: readonly { readonly digest: string }[],
  signal: AbortSignal,
): Promise<number> {
  const local = localRepository(repository);
  const kept = new Set(keep.map(({ digest }) => `${local}:${hexOf(digest)}`));
  const filters = { reference: [local] };
  try {
    const images = await docker.listImages({ filters, abortSignal: signal } as object);
    const tags = images.flatMap((image) => image.RepoTags ?? []).filter((tag) => tag.startsWith(`${local}:`));
    let removed = 0;
    for (const tag of tags.filter((candidate) => !kept.has(candidate))) {
      if (await removeTag(docker, tag)) removed += 1;
    }
    return removed;
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, `prune the images of ${local}`);
  }
}

/** Removes the oldest images of these apps from an engine that only builds, until they fit into `budget` bytes. */
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
    for (const tag of planCache(cached, budget)) if (await removeTag(docker, tag)) removed += 1;
    return removed;
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, 'prune the cache of the builder');
  }
}

/** Removes what builds of ours left that never were published: cancelled, superseded, failed, an hour ago or more. */
export async function pruneUnpublished(docker: Docker): Promise<void> {
  try {
    await docker.pruneImages({
      filters: { dangling: ['true'], label: [labelNames.deploy], until: ['1h'] },
    });
  } catch (error) {
    throw toFailure(error, 'prune what builds left');
  }
}

/** False when a container uses it (409) or somebody else removed it (404). */
async function removeTag(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).remove();
    return true;
  } catch (error) {
    if (statusOf(error) === 409 || statusOf(error) === 404) return false;
    throw error;
  }
}
