import { statfs } from 'node:fs/promises';
import { Failure } from '../failure.ts';
import { type Docker, toFailure } from './docker.ts';
import { unlessAborted } from './shared.ts';
import type { SshConnection } from './ssh.ts';

const answerMs = 10_000;

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

/** Of the file system with this machine's engine; null when that one has its folders elsewhere. */
export async function readSpaceHere(docker: Docker): Promise<DiskSpace | null> {
  try {
    return await readLocalSpace(await findRoot(docker));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw toFailure(error, "look at the engine's disk");
  }
}

/** The same of a server, by its own `df`; null when it lets nobody run that. */
export async function readSpaceThere(
  docker: Docker,
  ssh: Pick<SshConnection, 'run' | 'closed' | 'server'>,
  signal: AbortSignal,
): Promise<DiskSpace | null> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  try {
    const root = await unlessAborted(findRoot(docker), bounded);
    const { code, stdout } = await ssh.run(['df', '-P', '-B1', '--', root], bounded);
    return code === 0 ? parseDf(stdout) : null;
  } catch (error) {
    signal.throwIfAborted();
    ssh.closed.throwIfAborted();
    if (bounded.aborted || !(error instanceof Failure)) return null;
    throw error;
  }
}

async function findRoot(docker: Docker): Promise<string> {
  try {
    return ((await docker.info()) as { DockerRootDir: string }).DockerRootDir;
  } catch (error) {
    throw toFailure(error, 'ask the engine where its folders are');
  }
}

/** The second line of `df -P -B1`: total in the second column, free in the fourth; null for any other text. Pure. */
export function parseDf(text: string): DiskSpace | null {
  const fields = /^\S.*?\s(\d+)\s+(\d+)\s+(\d+)\s+\d+%/m.exec(text.split('\n').slice(1).join('\n'));
  return fields === null ? null : { totalBytes: Number(fields[1]), freeBytes: Number(fields[3]) };
}
