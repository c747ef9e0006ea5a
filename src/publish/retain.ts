import type { Image } from '../model/release.ts';

/** Why an image stays: it runs, it can be rolled back to, or a deploy that has not ended needs it. */
export type KeepReason = 'current' | 'rollback' | 'unfinished';

/** What is known of a release when it is decided whether its image stays. */
export type RetainedRelease = {
  readonly environmentId: string;
  readonly version: number;
  readonly image: Image;
  readonly wentLiveAt: string | null;
  readonly current: boolean;
  readonly unfinished: boolean;
};

/** Digests that stay, by the repository of their app. */
export type Kept = ReadonlyMap<string, ReadonlyMap<string, KeepReason>>;

/**
 * Images that some environment still needs: what runs there, the newest `keep` that were live, and what a deploy
 * needs that has not ended. Environments of one app share a repository: what any of them keeps stays.
 */
export function planKept(releases: readonly RetainedRelease[], keep: number): Kept {
  const kept = new Map<string, Map<string, KeepReason>>();
  const add = ({ image: { repository, digest } }: RetainedRelease, reason: KeepReason) => {
    const digests = kept.get(repository) ?? new Map<string, KeepReason>();
    kept.set(repository, digests);
    if (!digests.has(digest)) digests.set(digest, reason);
  };
  for (const release of releases) if (release.current) add(release, 'current');
  for (const ofOne of Map.groupBy(releases, (release) => release.environmentId).values()) {
    const wereLive = ofOne.filter(({ wentLiveAt }) => wentLiveAt !== null);
    const newestFirst = wereLive.toSorted((a, b) => b.version - a.version);
    for (const release of newestFirst.slice(0, Math.max(1, keep))) add(release, 'rollback');
  }
  for (const release of releases) if (release.unfinished) add(release, 'unfinished');
  return kept;
}

/** An image as an engine lists it: tags and `name@digest`s are its names. */
export type EngineImage = {
  readonly id: string;
  readonly names: readonly string[];
  /** Bytes, layers that others share included. */
  readonly bytes: number;
};

export type PruneQuestion = {
  readonly images: readonly EngineImage[];
  /** Local repositories of our apps whose images may go: those of apps that are being built are not among them. */
  readonly repositories: ReadonlySet<string>;
  readonly kept: Kept;
  /** Ids of images that some container has, running or not. */
  readonly inUse: ReadonlySet<string>;
};

/** Images that go, each with all the names that are ours: it is gone when nobody else gave it one. */
export function planPrune({ images, repositories, kept, inUse }: PruneQuestion): EngineImage[] {
  return images.flatMap((image) => {
    const ours = image.names.map((name) => ({ name, ...parseName(name, repositories) }));
    const mine = ours.filter(({ repository }) => repository !== undefined);
    if (mine.length === 0 || inUse.has(image.id)) return [];
    const stays = mine.some(({ repository = '', digest = '' }) => kept.get(repository)?.has(digest));
    return stays ? [] : [{ ...image, names: mine.map(({ name }) => name) }];
  });
}

/** Which of our repositories an image's name is in, and the digest that the name says; nothing when it is not ours. */
export function parseName(
  name: string,
  repositories: ReadonlySet<string>,
): { readonly repository?: string; readonly digest?: string } {
  const tagged = /^(.+):([0-9a-f]{64})$/.exec(name);
  if (tagged && !name.includes('@')) {
    const [, repository = '', hex = ''] = tagged;
    return repositories.has(repository) ? { repository, digest: `sha256:${hex}` } : {};
  }
  // What a transfer that was killed left: the registry's name, whose last part is the app's id.
  const [, path = '', digest] =
    /^(.+)@(sha256:[0-9a-f]{64})$/.exec(name) ?? /^(.+\/.+):[0-9a-f]{32}$/.exec(name) ?? [];
  const last = path.slice(path.lastIndexOf('/'));
  const repository = [...repositories].find((known) => last !== '' && known.endsWith(last));
  if (repository === undefined) return {};
  return digest === undefined ? { repository } : { repository, digest };
}

/** An image of ours on the builder; `size` in bytes, layers that others share included. */
export type CachedImage = {
  readonly repository: string;
  readonly tag: string;
  readonly createdAt: number;
  readonly size: number;
};

/** Tags that exceed the builder's cache, oldest first; the newest image of each app always stays. */
export function planCache(images: readonly CachedImage[], budget: number): string[] {
  const newestFirst = images.toSorted((a, b) => b.createdAt - a.createdAt);
  const seen = new Set<string>();
  let total = 0;
  const over: string[] = [];
  for (const image of newestFirst) {
    const isNewest = !seen.has(image.repository);
    seen.add(image.repository);
    total += image.size;
    if (total > budget && !isNewest) over.push(image.tag);
  }
  return over.reverse();
}

/** What is known of the registry's own garbage: blobs whose manifests were deleted. */
export type GarbageQuestion = {
  /** Bytes that a collection would free. */
  readonly bytes: number;
  /** Since the last collection, in ms; null when there was none. */
  readonly sinceMs: number | null;
  /** A deploy has not ended: it may push or pull at any moment. */
  readonly busy: boolean;
  /** The data disk is below its floor, or a person asked. */
  readonly urgent: boolean;
};

const worthBytes = 64 * 2 ** 20;
const pauseMs = 24 * 3_600_000;

/** Whether the embedded registry should stand still for a moment and collect: daily, when it is worth it. */
export function planCollection({ bytes, sinceMs, busy, urgent }: GarbageQuestion): boolean {
  if (busy || bytes === 0) return false;
  return urgent || (bytes >= worthBytes && (sinceMs === null || sinceMs >= pauseMs));
}
