import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { dropOrder, isCollectionOrdered, readGarbage, writeGarbage } from './garbage.ts';

export type Collection = {
  readonly folder: string;
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  say(line: string): void;
};

// A push waits a minute for a registry that is away.
const limitMs = 40_000;

/**
 * Deletes the blobs that no manifest needs, if that was ordered. Only for whoever is about to start the registry: a
 * push during it would lose what it brings. The order is there until the collector has ended, so that after a kill
 * of this process the next one finds it, ends what was left running, and begins again; blobs go one by one.
 */
export async function collectIfOrdered(collection: Collection): Promise<void> {
  const { folder, configFile, say } = collection;
  if (!(await isCollectionOrdered(folder))) return;
  await endStray(configFile);
  const failed = await runCollector(collection);
  if (collection.signal.aborted) return;
  const { bytes } = await readGarbage(folder);
  await writeGarbage(folder, { bytes: failed === null ? 0 : bytes, collectedAt: Date.now() });
  await dropOrder(folder);
  say(
    failed === null ? 'registry collected its garbage' : `registry could not collect its garbage: ${failed}`,
  );
}

/** What went wrong, or null; it is killed when it takes too long, which costs nothing but its work. */
async function runCollector({ configFile, env, signal }: Collection): Promise<string | null> {
  const late = AbortSignal.timeout(limitMs);
  const child = spawn('docker-registry', argvOf(configFile), {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: AbortSignal.any([signal, late]),
    killSignal: 'SIGKILL',
  });
  try {
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    return code === 0 ? null : (said.trim().split('\n').at(-1) ?? `it ended with exit code ${code}`);
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      await once(child, 'exit');
    return late.aborted ? `it was stopped after ${limitMs / 1000} s` : (error as Error).message;
  }
}

function argvOf(configFile: string): string[] {
  return ['garbage-collect', configFile];
}

/** One that outlived its supervisor would delete what is pushed from now on. */
async function endStray(configFile: string): Promise<void> {
  const words = ['docker-registry', ...argvOf(configFile), ''].join('\0');
  const isStray = async (pid: string) => {
    // A process that is gone meanwhile is none.
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return line === words;
  };
  for (;;) {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const strays = (await Promise.all(pids.map(async (pid) => ((await isStray(pid)) ? [pid] : [])))).flat();
    if (strays.length === 0) return;
    for (const pid of strays) tryKill(Number(pid));
    await pause(20);
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
