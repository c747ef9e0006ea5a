import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runSync } from './process.ts';

type Run = (path: string) => Promise<void>;

/**
 * Makes a work that many ask for run once for all who ask while it runs: they share the next run, which begins after
 * each of them asked, with what the last of them said.
 */
export function shareNext(run: Run): Run {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  let last: string;
  return (path) => {
    last = path;
    next ??= current
      // It was told to those who asked for it.
      .catch(() => undefined)
      .then(() => {
        next = null;
        current = run(last);
        return current;
      });
    return next;
  };
}

const syncs = new Map<number, Run>();

/** Writes everything of the file system of a repository to disk: git alone loses the last ref on power loss. */
export async function syncFileSystem(repository: string): Promise<void> {
  // The repository itself may be deleted while it waits.
  const folder = dirname(repository);
  const { dev } = await stat(folder);
  const sync = syncs.get(dev) ?? shareNext(runSync);
  syncs.set(dev, sync);
  await sync(folder);
}
