import { Failure } from '../failure.ts';
import { type Docker, toFailure } from '../fleet/docker.ts';
import { pullUntilThere } from './pull.ts';
import type { ImageReference } from './reference.ts';
import type { Registry } from './registry.ts';

export type FetchRequest = {
  /** The builder's engine. */
  readonly docker: Docker;
  readonly reference: ImageReference;
  /** Its password is given to no other registry. */
  readonly registry: Registry;
  readonly signal: AbortSignal;
};

export type FetchedImage = {
  readonly imageId: string;
  /** `name@sha256:…` as its registry has it. */
  readonly origin: string;
  readonly exposed: Readonly<Record<string, object>> | undefined;
  /** The user that its containers run as; empty is root. */
  readonly user: string;
};

/**
 * Brings an image that is there already to the builder. Throws `image_not_found`, `registry_unreachable` and
 * `registry_denied`.
 */
export async function fetchImage({
  docker,
  reference,
  registry,
  signal,
}: FetchRequest): Promise<FetchedImage> {
  const { name, host } = reference;
  const address = host ?? 'the registry of the engine';
  const auth = host === registry.address ? registry.auth : null;
  try {
    await pullUntilThere({ docker, registry: { ...registry, auth }, address, signal }, name);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Failure && isMissing(error, auth !== null))) throw error;
    throw new Failure('image_not_found', `${name} is not there, or needs a login.`, { cause: error });
  }
  try {
    const image = await docker.getImage(name).inspect();
    const digest = name.split('@')[1] ?? findDigest(image.RepoDigests ?? [], reference);
    const origin = digest === undefined || name.includes('@') ? name : `${name}@${digest}`;
    const { ExposedPorts, User } = image.Config;
    return { imageId: image.Id, origin, exposed: ExposedPorts, user: User ?? '' };
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, `look at ${name}`);
  }
}

/** Who asks without a password is told the same of what is not there and of what is not for everybody. */
function isMissing({ code }: Failure, hasPassword: boolean): boolean {
  return code === 'image_not_in_registry' || (code === 'registry_denied' && !hasPassword);
}

function findDigest(known: readonly string[], { host, path }: ImageReference): string | undefined {
  const own = `${host === null ? '' : `${host}/`}${path}@`;
  return known.find((each) => each.startsWith(own))?.slice(own.length);
}
