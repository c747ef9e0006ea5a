import { readLocalSpace } from '../../fleet/disk.ts';
import { orderCollection, readGarbage, writeGarbage } from '../../publish/garbage.ts';
import { listManifests, planManifests } from '../../publish/manifests.ts';
import { localRepository, repositoryIn } from '../../publish/registry.ts';
import { openRegistryClient, type RegistryClient } from '../../publish/registry-client.ts';
import { planCollection } from '../../publish/retain.ts';
import { hasWork } from '../../store/retention.ts';
import { askRestart } from '../../supervise/ask-restart.ts';
import { planFolders } from '../../supervise/folders.ts';
import type { PipelineDrivers } from '../drivers.ts';
import type { Pruned, PruneOptions } from './prune.ts';
import { type KeptNow, readKept } from './retained.ts';

type Drivers = Pick<PipelineDrivers, 'config' | 'db' | 'registry'>;

/** Deletes the manifests that no release in reach needs; `bytes` are free once the registry collected its garbage. */
export async function pruneRegistry(drivers: Drivers, options: PruneOptions): Promise<Pruned> {
  const client = openRegistryClient(drivers.registry);
  const total = { removed: [] as string[], bytes: 0, refused: false };
  for (const repository of await listOurs(client, drivers, options.signal)) {
    const pruned = await pruneRepository(client, repository, drivers, options);
    total.removed.push(...pruned.removed);
    total.bytes += pruned.bytes;
    total.refused ||= pruned.refused;
  }
  if (drivers.config.registry === 'embedded' && !options.planOnly && total.bytes > 0) {
    const { registry: folder } = planFolders(drivers.config.data);
    const garbage = await readGarbage(folder);
    await writeGarbage(folder, { ...garbage, bytes: garbage.bytes + total.bytes });
  }
  const note = total.refused ? `${drivers.registry.address} lets us delete nothing: its images stay` : null;
  return { place: 'registry', removed: total.removed, bytes: total.bytes, note };
}

/** Removes all images of an app that is destroyed from a registry that is not ours alone. */
export async function emptyRepository(
  drivers: Drivers,
  repository: string,
  signal: AbortSignal,
): Promise<void> {
  const client = openRegistryClient(drivers.registry);
  const path = repositoryIn(drivers.registry, repository);
  for (const { digest } of await listManifests(client, path, signal)) {
    if (!(await client.deleteManifest(path, digest, signal))) return;
  }
}

/** The embedded registry is ours alone, and so is what destroyed apps left there; of another one only our apps'. */
async function listOurs(
  client: RegistryClient,
  { config, db, registry }: Drivers,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (config.registry === 'embedded') return client.listRepositories(signal);
  const { apps } = await readKept({ config, db });
  return [...apps.keys()].map((local) => repositoryIn(registry, local));
}

async function pruneRepository(
  client: RegistryClient,
  repository: string,
  drivers: Drivers,
  { planOnly, signal }: PruneOptions,
): Promise<{ removed: string[]; bytes: number; refused: boolean }> {
  const manifests = await listManifests(client, repository, signal);
  // Read after what is there was listed: what is published since is not among it.
  const now = await readKept(drivers);
  const local = localRepository(repository.slice(repository.lastIndexOf('/') + 1));
  const nothing = { removed: [], bytes: 0, refused: false };
  if (now.apps.has(local) && !now.repositories.has(local)) return nothing;
  const { gone, bytes } = planManifests(manifests, (digest) => now.kept.get(local)?.has(digest) ?? false);
  if (!planOnly) {
    for (const { digest } of gone) {
      if (!(await client.deleteManifest(repository, digest, signal))) return { ...nothing, refused: true };
    }
  }
  return { removed: gone.map(({ digest }) => describeManifest(local, digest, now)), bytes, refused: false };
}

function describeManifest(local: string, digest: string, { apps, releases }: KeptNow): string {
  const versions = releases
    .filter(({ image }) => image.digest === digest)
    .map(({ env, version }) => `${env} v${version}`);
  const which = versions.length === 0 ? 'no release' : versions.join(', ');
  return `image of ${apps.get(local) ?? 'an app that is gone'} (${which})`;
}

/**
 * Has the embedded registry stand still for some seconds and collect, when that is worth it and no deploy is under
 * way. `urgent` is a person's wish. False when nothing was asked for.
 */
export async function collectGarbage({ config, db }: Drivers, urgent: boolean): Promise<boolean> {
  if (config.registry !== 'embedded') return false;
  const { registry: folder } = planFolders(config.data);
  const { bytes, collectedAt } = await readGarbage(folder);
  const { freeBytes } = await readLocalSpace(config.data);
  const wanted = planCollection({
    bytes,
    sinceMs: collectedAt === null ? null : Date.now() - collectedAt,
    busy: await hasWork(db),
    urgent: urgent || freeBytes < config.limits.diskFloor,
  });
  if (!wanted) return false;
  await orderCollection(folder);
  return askRestart('registry');
}
