import { statfs } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import { formatSize } from '../config/units.ts';
import type { Config } from '../config.ts';
import { Failure } from '../failure.ts';
import { type Docker, statusOf } from '../fleet/docker.ts';

export type BuildLimits = Pick<Config['builders'], 'memory' | 'cpus' | 'pids' | 'timeoutMs'>;

const cpuPeriod = 100_000;

/** The engine's own words for our limits; steps run one after another, so a step's limit is the build's. Pure. */
export function planEngineLimits({ memory, cpus }: BuildLimits) {
  // memswap equal to memory: no swap.
  return { memory, memswap: memory, cpuperiod: cpuPeriod, cpuquota: Math.round(cpus * cpuPeriod) };
}

/** An entry of /etc/hosts in the containers of one build, by which they are known to be its. Pure. */
export function buildMarker(deployId: number): string {
  return `hawser-build-${deployId}:127.0.0.1`;
}

/** Sets the limit that the build's own options do not know on a container that the build has just made. */
export async function limitPids(
  docker: Docker,
  id: string,
  wanted: { marker: string; pids: number },
): Promise<void> {
  const container = docker.getContainer(id);
  try {
    const { HostConfig } = await container.inspect();
    // What a step prints may look like the engine's own words: never touch what is not of this build.
    if (!HostConfig.ExtraHosts?.includes(wanted.marker)) return;
    await container.update({ PidsLimit: wanted.pids });
  } catch (error) {
    if (!(await hasEnded(container, error))) throw error;
  }
}

const endings = ['exited', 'dead', 'removing'];
const endLimitMs = 3_000;

/**
 * Whether the container is over, for one that could not be limited: then nothing is left to limit. The engine hears
 * of an end a little later than the runtime that it asks, and each has its own words for that.
 */
async function hasEnded(container: ReturnType<Docker['getContainer']>, why: unknown): Promise<boolean> {
  if ([404, 409].includes(statusOf(why) ?? 0)) return true;
  const deadline = performance.now() + endLimitMs;
  for await (const _ of setInterval(50)) {
    try {
      const { State } = await container.inspect();
      if (endings.includes(State.Status)) return true;
    } catch (error) {
      if (statusOf(error) === 404) return true;
      throw error;
    }
    if (performance.now() > deadline) return false;
  }
  return false;
}

/** Removes a container of this build that outlived it; the engine may be removing it as well. */
export async function removeLeftover(docker: Docker, id: string, marker: string): Promise<void> {
  const container = docker.getContainer(id);
  try {
    const { HostConfig } = await container.inspect();
    if (HostConfig.ExtraHosts?.includes(marker)) await container.remove({ force: true, v: true });
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

/** True when the kernel killed something in the container for its memory limit; the engine keeps the event a while. */
export async function ranOutOfMemory(docker: Docker, id: string, since: Date): Promise<boolean> {
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const events = await docker.getEvents({
    since: seconds(since.getTime()) - 5,
    until: seconds(Date.now()) + 1,
    filters: { type: ['container'], event: ['oom'], container: [id] },
  });
  for await (const _ of events) return true;
  return false;
}

const diskCheckMs = 1000;

/** Bytes that are free where a folder is. */
export type ReadFree = (folder: string) => Promise<number>;

export type DiskWatch = { readonly folder: string; readonly floor: number; readonly readFree?: ReadFree };

/**
 * Throws `build_disk_full` when the engine's disk has less than `floor` bytes free at the beginning, and
 * `build_disk_exceeded` as soon as it has later; ends with the signal.
 */
export async function guardDisk({ folder, floor, readFree = readFreeBytes }: DiskWatch, signal: AbortSignal) {
  const check = async (code: 'build_disk_full' | 'build_disk_exceeded', what: string) => {
    const free = await readFree(folder);
    if (free >= floor) return;
    const left = formatSize(Math.floor(free / 1024 ** 2) * 1024 ** 2);
    throw new Failure(
      code,
      `the builder's disk (${folder}) has ${left} left; ${what} ${formatSize(floor)} (limits.diskFloor)`,
    );
  };
  try {
    await check('build_disk_full', 'a build needs');
    for await (const _ of setInterval(diskCheckMs, undefined, { signal })) {
      await check('build_disk_exceeded', 'this build was stopped when it had used all above');
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
