import { createHash } from 'node:crypto';

const types = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** Pushes an image of these layers as a client of the registry would, and answers its digest. */
export async function pushManifest(
  origin: string,
  repository: string,
  tag: string,
  layers: readonly Buffer[],
  settings: object = { tag },
): Promise<string> {
  const config = await pushBlob(origin, repository, Buffer.from(JSON.stringify(settings)));
  const pushed = [];
  for (const layer of layers)
    pushed.push({ mediaType: types.layer, ...(await pushBlob(origin, repository, layer)) });
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: { mediaType: types.config, ...config },
    layers: pushed,
  });
  const headers = { 'content-type': types.manifest };
  const answer = await fetch(`${origin}/v2/${repository}/manifests/${tag}`, { method: 'PUT', body, headers });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return digestOf(Buffer.from(body));
}

async function pushBlob(origin: string, repository: string, body: Buffer) {
  const digest = digestOf(body);
  const begun = await fetch(`${origin}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', origin);
  place.searchParams.set('digest', digest);
  const answer = await fetch(place, { method: 'PUT', body: new Uint8Array(body) });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return { digest, size: body.length };
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
