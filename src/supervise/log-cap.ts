import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type LogCap = {
  /** The newest bytes of a log that stay; it is shortened when it has twice as many. */
  readonly keepBytes: number;
  readonly everyMs: number;
  say(line: string): void;
};

export const logCap = { keepBytes: 20 * 2 ** 20, everyMs: 10_000 } as const;

// Every file system's blocks are a part of it (fallocate(2): a range to collapse is in whole blocks).
const alignment = 2 ** 20;

/** Keeps the logs of a folder from growing without end, until it is disposed of. */
export function keepLogsShort(folder: string, { keepBytes, everyMs, say }: LogCap): Disposable {
  let told = '';
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      for (const name of await readdir(folder)) await shortenLog(join(folder, name), keepBytes);
    } catch (error) {
      const why = `the logs cannot be shortened: ${(error as Error).message.trim()}`;
      if (why !== told) say(why);
      told = why;
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/**
 * Takes the oldest bytes out of a log while its writer goes on: the kernel does it between two writes, so that no
 * line is lost and nobody has to open a file anew. Where a range cannot be cut out, its blocks are given back.
 */
export async function shortenLog(file: string, keepBytes: number): Promise<void> {
  const { size, blocks } = await stat(file);
  if (Math.min(size, blocks * 512) < 2 * keepBytes) return;
  const length = Math.floor((size - keepBytes) / alignment) * alignment;
  if (length <= 0) return;
  const range = ['--offset', '0', '--length', String(length), '--', file];
  try {
    await run('fallocate', ['--collapse-range', ...range]);
  } catch {
    // Not every file system can; one that cannot do this either is told of by the caller.
    await run('fallocate', ['--punch-hole', ...range]);
  }
}
