import { Failure } from '../failure.ts';
import { type Docker, isDiskFull, statusOf, toFailure } from '../fleet/docker.ts';
import type { ServerConnection } from '../fleet/fleet.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import type { Image } from '../model/release.ts';
import { formatBytes } from './bytes.ts';
import { pullUntilThere } from './pull.ts';
import { pushUntilThere } from './push.ts';
import { hexOf, localRepository, localTag, type Registry, repositoryIn } from './registry.ts';
import { diskLow, requireRoom } from './room.ts';

export type PublishRequest = {
  readonly docker: Docker;
  readonly imageId: string;
  /** The app's path, `hawser/ID`, without a registry's address. */
  readonly repository: string;
  readonly registry: Registry;
  readonly log: DeployLog;
  readonly signal: AbortSignal;
  /** How long a registry may be away, in ms. */
  readonly comeBackMs?: number;
};

export type Published = {
  readonly digest: string;
  /** Uncompressed bytes that the registry did not have, and those that it had. */
  readonly newBytes: number;
  readonly presentBytes: number;
};

/**
 * Pushes an image and answers its digest. The builder's engine keeps it under `hawser/ID:<digest>`, so that as a
 * server it need not pull. Throws `registry_unreachable` (after a minute of trying), `registry_denied`, `registry_full`.
 */
export async function publishImage(request: PublishRequest): Promise<Published> {
  const { docker, imageId, repository, registry, log, signal } = request;
  signal.throwIfAborted();
  const repo = `${registry.address}/${repositoryIn(registry, repository)}`;
  // Named by the image, so that two deploys of one app do not move each other's tag.
  const tag = imageId.replace(/^sha256:/, '').slice(0, 32);
  const image = docker.getImage(imageId);
  try {
    await image.tag({ repo, tag });
    const { digest, newBytes } = await pushUntilThere(request, `${repo}:${tag}`);
    if (digest === null)
      throw new Failure('registry_failed', `${registry.address} took the image without a digest`);
    const { Size } = await image.inspect();
    const published = { digest, newBytes, presentBytes: Math.max(0, Size - newBytes) };
    log.step(`Publishing ${describe(published)}`);
    await image.tag({ repo: localRepository(repository), tag: hexOf(digest) });
    return published;
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, `publish to ${registry.address}`);
  } finally {
    await untag(docker, `${repo}:${tag}`);
  }
}

export type PullRequest = {
  readonly connection: Pick<
    ServerConnection,
    'server' | 'docker' | 'registryAddress' | 'diskSpace' | 'closed'
  >;
  readonly image: Image;
  readonly registry: Registry;
  /** Bytes that must be free there before anything is brought. */
  readonly diskFloor: number;
  readonly signal: AbortSignal;
};

/**
 * Makes sure that a server's engine has an image, and answers its local tag there. It is pulled by digest, which the
 * engine verifies, then keeps our tag (which `image prune` spares) and loses the registry's name. Nothing is asked of
 * the registry when the tag is there: it carries the whole digest. Throws `image_not_in_registry`,
 * `registry_unreachable`, `registry_denied`, `server_disk_low`, `image_wrong_platform`.
 */
export async function pullImage({
  connection,
  image,
  registry,
  diskFloor,
  signal,
}: PullRequest): Promise<string> {
  const { docker, closed } = connection;
  signal.throwIfAborted();
  const tag = localTag(image);
  try {
    if ((await findImageSize(docker, image)) !== null) return await requirePlatform(connection, tag);
    await requireRoom(connection, diskFloor, signal);
    const address = registry.tunnelled ? await connection.registryAddress() : registry.address;
    const name = `${address}/${repositoryIn(registry, image.repository)}@${image.digest}`;
    await pullUntilThere({ docker, registry, address, signal: AbortSignal.any([signal, closed]) }, name);
    await docker.getImage(name).tag({ repo: localRepository(image.repository), tag: hexOf(image.digest) });
    await untag(docker, name);
    return await requirePlatform(connection, tag);
  } catch (error) {
    signal.throwIfAborted();
    closed.throwIfAborted();
    if (isDiskFull((error as Error).message))
      throw diskLow(connection.server.name, (error as Error).message, error);
    throw toFailure(error, `pull ${image.digest}`);
  }
}

/** Before anything of it is started: what its processor cannot run ends without a word of its own. */
async function requirePlatform({ docker, server }: PullRequest['connection'], tag: string): Promise<string> {
  const [image, engine] = await Promise.all([docker.getImage(tag).inspect(), docker.version()]);
  if (image.Os === engine.Os && image.Architecture === engine.Arch) return tag;
  throw new Failure(
    'image_wrong_platform',
    `The image is for ${image.Os}/${image.Architecture}, ${server.name} is ${engine.Os}/${engine.Arch}.`,
  );
}

/** Bytes of an image on an engine that has it under our tag; null when it has not. */
export async function findImageSize(docker: Docker, image: Image): Promise<number | null> {
  try {
    return (await docker.getImage(localTag(image)).inspect()).Size;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw toFailure(error, `look for ${image.digest}`);
  }
}

/** Takes a name from an image; the image stays while it has another. */
async function untag(docker: Docker, name: string): Promise<void> {
  try {
    await docker.getImage(name).remove({ noprune: true });
  } catch (error) {
    if (statusOf(error) !== 404) throw toFailure(error, `untag ${name}`);
  }
}

function describe({ digest, newBytes, presentBytes }: Published): string {
  return `sha256:${hexOf(digest).slice(0, 4)}… (${formatBytes(newBytes)} new, ${formatBytes(presentBytes)} already there)`;
}
