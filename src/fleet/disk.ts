import { statfs } from 'node:fs/promises';
import { type Docker, toFailure } from './docker.ts';
import { unlessAborted } from './shared.ts';

export type DiskSpace = { readonly freeBytes: number; readonly totalBytes: number };

/** What an engine's objects take, as `docker system df` counts it. */
export type EngineUse = {
  /** Layers of all images, each once. */
  readonly layersBytes: number;
  readonly containersBytes: number;
  readonly volumesBytes: number;
  readonly buildCacheBytes: number;
  readonly images: readonly {
    readonly id: string;
    readonly names: readonly string[];
    readonly bytes: number;
    /** Without the layers that other images have too. */
    readonly uniqueBytes: number;
  }[];
};

type Usage = {
  readonly LayersSize?: number;
  readonly Images?: readonly {
    readonly Id: string;
    readonly RepoTags?: readonly string[] | null;
    readonly Size: number;
    readonly SharedSize?: number;
  }[];
  readonly Containers?: readonly { readonly SizeRw?: number }[];
  readonly Volumes?: readonly { readonly UsageData?: { readonly Size?: number } | null }[];
  readonly BuildCache?: readonly { readonly Size?: number; readonly Shared?: boolean }[];
};

export async function readEngineUse(docker: Docker, signal: AbortSignal): Promise<EngineUse> {
  try {
    return parseUsage((await unlessAborted(docker.df(), signal)) as Usage);
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, 'ask the engine what it uses');
  }
}

/** The engine leaves out what it has none of, and says -1 of what it did not measure. Pure. */
export function parseUsage(usage: Usage): EngineUse {
  const sum = (sizes: readonly (number | undefined)[]) =>
    sizes.reduce<number>((total, size) => total + Math.max(0, size ?? 0), 0);
  return {
    layersBytes: usage.LayersSize ?? 0,
    containersBytes: sum((usage.Containers ?? []).map(({ SizeRw }) => SizeRw)),
    volumesBytes: sum((usage.Volumes ?? []).map(({ UsageData }) => UsageData?.Size)),
    buildCacheBytes: sum((usage.BuildCache ?? []).map(({ Size, Shared }) => (Shared ? 0 : Size))),
    images: (usage.Images ?? []).map(({ Id, RepoTags, Size, SharedSize }) => ({
      id: Id,
      names: [...(RepoTags ?? [])],
      bytes: Size,
      uniqueBytes: Math.max(0, Size - Math.max(0, SharedSize ?? 0)),
    })),
  };
}

/** Free and total bytes of the file system of a folder of this machine. */
export async function readLocalSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The second line of `df -P -B1`: total in the second column, free in the fourth; null for any other text. Pure. */
export function parseDf(text: string): DiskSpace | null {
  const fields = /^\S.*?\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%/m.exec(text.split('\n').slice(1).join('\n'));
  return fields === null ? null : { totalBytes: Number(fields[1]), freeBytes: Number(fields[3]) };
}
