import type { Config } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Image } from '../model/release.ts';

export type RegistryAuth = {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
};

/** Where images are kept. */
export type Registry = {
  /** As we reach its API: `http://host:port`. */
  readonly origin: string;
  /** `host:port` as the builder's engine reaches it. */
  readonly address: string;
  /** Servers reach it through their own connection to us, under another address. */
  readonly tunnelled: boolean;
  readonly namespace: string;
  readonly auth: RegistryAuth | null;
};

const ownNamespace = 'hawser';

/** The registry that the configuration means; `embeddedPort` is where ours listens on the loopback. Pure. */
export function planRegistry(registry: Config['registry'], embeddedPort: number): Registry {
  if (registry === 'embedded') {
    const address = `127.0.0.1:${embeddedPort}`;
    return { origin: `http://${address}`, address, tunnelled: true, namespace: ownNamespace, auth: null };
  }
  const { origin, host: address } = new URL(registry.url);
  const { username, password, namespace } = registry;
  const auth = username === null || password === null ? null : { username, password, serveraddress: address };
  return { origin, address, tunnelled: false, namespace, auth };
}

/** The path of an app's images in a registry: `hawser/ID`, with the registry's own namespace in place of ours. */
export function repositoryIn(registry: Registry, repository: string): string {
  return `${registry.namespace}/${shortRepository(repository)}`;
}

/** The tag that keeps an image on a server and names it there, independent of any registry. */
export function localTag({ repository, digest }: Image): string {
  return `${localRepository(repository)}:${hexOf(digest)}`;
}

export function localRepository(repository: string): string {
  return `${ownNamespace}/${shortRepository(repository)}`;
}

/** The 64 hexadecimal digits of `sha256:…`. */
export function hexOf(digest: string): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined) throw new Failure('registry_failed', `${digest} is not a SHA-256 digest`);
  return hex;
}

function shortRepository(repository: string): string {
  return repository.replace(new RegExp(`^${ownNamespace}/`), '');
}

const readyMs = 2000;

/** True when a registry answers under the address with its API (a login may be asked for). */
export async function isReady(address: string, signal?: AbortSignal): Promise<boolean> {
  const late = AbortSignal.timeout(readyMs);
  try {
    const bounded = signal ? AbortSignal.any([signal, late]) : late;
    const answer = await fetch(`http://${address}/v2/`, { signal: bounded, redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status === 200 || answer.status === 401;
  } catch {
    // Whatever the reason, it is not ready; the caller asks again.
    return false;
  }
}
