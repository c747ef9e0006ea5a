import type { Manifest, RegistryClient } from './registry-client.ts';

/** The manifests of a repository, each once; tags that are gone meanwhile are left out. */
export async function listManifests(
  client: RegistryClient,
  repository: string,
  signal: AbortSignal,
): Promise<readonly Manifest[]> {
  const found = new Map<string, Manifest>();
  for (const tag of await client.listTags(repository, signal)) {
    const manifest = await client.findManifest(repository, tag, signal);
    if (manifest !== null && manifest.digest !== '') found.set(manifest.digest, manifest);
  }
  return [...found.values()];
}

/** Manifests of a repository that nobody keeps, and the bytes of what only they are made of. Pure. */
export function planManifests(
  manifests: readonly Manifest[],
  keeps: (digest: string) => boolean,
): { readonly gone: readonly Manifest[]; readonly bytes: number } {
  const gone = manifests.filter(({ digest }) => !keeps(digest));
  const needed = new Set(
    manifests.filter(({ digest }) => keeps(digest)).flatMap(({ blobs }) => [...blobs.keys()]),
  );
  const free = new Map(gone.flatMap(({ blobs }) => [...blobs]).filter(([digest]) => !needed.has(digest)));
  return { gone, bytes: [...free.values()].reduce((sum, size) => sum + size, 0) };
}
