import { type DiskSpace, type EngineUse, readEngineUse, readLocalSpace } from '../../fleet/disk.ts';
import { type KeepReason, parseName } from '../../publish/retain.ts';
import { measureParts, type PartUse } from '../../supervise/folder-use.ts';
import { planFolders } from '../../supervise/folders.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readServers } from '../environment.ts';
import { type KeptNow, readKept } from './retained.ts';

/** An image of ours on a server, with the releases that have it. */
export type AppImage = {
  readonly app: string;
  /** `production v3`, for every release that has it. */
  readonly releases: readonly string[];
  readonly digest: string | null;
  /** Layers that other images have too are counted in `bytes` only. */
  readonly bytes: number;
  readonly uniqueBytes: number;
  readonly keep: KeepReason | 'building' | 'prunable';
};

export type ServerUse = {
  readonly server: string;
  readonly reason: string | null;
  /** Null when the server does not tell. */
  readonly space: DiskSpace | null;
  readonly engine: Omit<EngineUse, 'images'> | null;
  readonly images: readonly AppImage[];
};

export type DiskUse = {
  /** Below this many free bytes new work is refused. */
  readonly floor: number;
  readonly data: { readonly folder: string; readonly space: DiskSpace; readonly parts: readonly PartUse[] };
  readonly servers: readonly ServerUse[];
};

const answerMs = 60_000;

/** Who uses what: Hawser's own folder, and every server's engine. One out of reach says why. */
export async function measureDisk(drivers: PipelineDrivers, signal: AbortSignal): Promise<DiskUse> {
  const { config } = drivers;
  const names = Object.keys(await readServers(drivers));
  const [space, parts, ...servers] = await Promise.all([
    readLocalSpace(config.data),
    measureParts(planFolders(config.data)),
    ...names.map((name) => measureServer(name, drivers, signal)),
  ]);
  return { floor: config.limits.diskFloor, data: { folder: config.data, space, parts }, servers };
}

async function measureServer(name: string, drivers: PipelineDrivers, asked: AbortSignal): Promise<ServerUse> {
  const signal = AbortSignal.any([asked, AbortSignal.timeout(answerMs)]);
  try {
    const connection = await drivers.rollout.fleet.connect(name, signal);
    const space = await connection.diskSpace(signal);
    const { images, ...engine } = await readEngineUse(connection.docker, signal);
    return {
      server: name,
      reason: null,
      space,
      engine,
      images: describeImages(images, await readKept(drivers)),
    };
  } catch (error) {
    asked.throwIfAborted();
    const { message, name: kind } = error as Error;
    const reason = kind === 'TimeoutError' ? `it did not answer within ${answerMs / 1000} s` : message;
    return { server: name, reason, space: null, engine: null, images: [] };
  }
}

/** Which of an engine's images are ours, of which app, and whether they stay. Pure. */
export function describeImages(images: EngineUse['images'], now: KeptNow): AppImage[] {
  const all = new Set(now.apps.keys());
  const ours = images.flatMap(({ names, bytes, uniqueBytes }) => {
    const found = names
      .map((name) => parseName(name, all))
      .filter(({ repository }) => repository !== undefined);
    const repository = found[0]?.repository;
    if (repository === undefined) return [];
    const digest = found.find((name) => name.digest !== undefined)?.digest ?? null;
    const had = now.releases.filter(({ image }) => image.digest === digest);
    const prunable = now.repositories.has(repository) ? ('prunable' as const) : ('building' as const);
    const keep = (digest === null ? undefined : now.kept.get(repository)?.get(digest)) ?? prunable;
    const releases = had.map(({ env, version }) => `${env} v${version}`);
    return [{ app: now.apps.get(repository) ?? '', releases, digest, bytes, uniqueBytes, keep }];
  });
  return ours.toSorted((a, b) => a.app.localeCompare(b.app) || b.bytes - a.bytes);
}
