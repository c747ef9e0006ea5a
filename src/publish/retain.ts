import type { Image } from '../model/release.ts';

/** What is known of a release when it is decided whether its image stays. */
export type RetainedRelease = {
  readonly version: number;
  readonly image: Image;
  readonly wentLiveAt: string | null;
};

export type RetainQuestion = {
  /** All releases of one environment, in any order. */
  readonly releases: readonly RetainedRelease[];
  readonly currentVersion: number | null;
  /** retention.releases: so many that were live stay, besides the current one's newer ones. */
  readonly keep: number;
};

/**
 * Images of an environment that no release in reach needs any more: the current release, everything newer (a rollout
 * may be under way) and the newest `keep` that were live stay. An image that several releases share stays with any.
 * Environments of one app share a repository: what any of them keeps stays.
 */
export function planRetention(question: RetainQuestion): { keep: Image[]; prune: Image[] } {
  const { releases, currentVersion, keep } = question;
  const newestFirst = releases.toSorted((a, b) => b.version - a.version);
  const wereLive = newestFirst.filter(({ wentLiveAt }) => wentLiveAt !== null);
  const inReach = new Set(wereLive.slice(0, Math.max(1, keep)).map(({ version }) => version));
  const stays = ({ version }: RetainedRelease) =>
    version === currentVersion || inReach.has(version) || version > (currentVersion ?? 0);
  const kept = listUnique(newestFirst.filter(stays).map(({ image }) => image));
  const keptNames = new Set(kept.map(nameOf));
  const gone = listUnique(newestFirst.map(({ image }) => image)).filter(
    (image) => !keptNames.has(nameOf(image)),
  );
  return { keep: kept, prune: gone };
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

function listUnique(images: readonly Image[]): Image[] {
  return [...new Map(images.map((image) => [nameOf(image), image])).values()];
}

function nameOf({ repository, digest }: Image): string {
  return `${repository}@${digest}`;
}
