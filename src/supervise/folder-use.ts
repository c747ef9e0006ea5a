import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folders } from './folders.ts';

/** Bytes on disk of one part of the data folder. */
export type PartUse = { readonly name: string; readonly bytes: number };

/** What each part of the data folder takes on disk. */
export async function measureParts(folders: Folders): Promise<readonly PartUse[]> {
  const { ledger, repositories, journals, registry, logs, redis, loadBalancer } = folders;
  const places = {
    ledger: [ledger, `${ledger}-wal`, `${ledger}-shm`],
    repositories: [repositories],
    journals: [journals],
    registry: [registry],
    logs: [logs],
    redis: [redis],
    'load-balancer': [loadBalancer],
  };
  return Promise.all(
    Object.entries(places).map(async ([name, paths]) => {
      const sizes = await Promise.all(paths.map(measurePath));
      return { name, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    }),
  );
}

const blockBytes = 512;

/** Folder by folder, so that a large one costs time and not memory; what vanishes meanwhile counts as nothing. */
export async function measurePath(path: string): Promise<number> {
  const stats = await unlessGone(lstat(path));
  if (stats === undefined) return 0;
  let bytes = stats.blocks * blockBytes;
  if (!stats.isDirectory()) return bytes;
  for (const name of (await unlessGone(readdir(path))) ?? []) bytes += await measurePath(join(path, name));
  return bytes;
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
