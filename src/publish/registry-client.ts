import { Failure } from '../failure.ts';
import type { Registry } from './registry.ts';

/** A manifest as a registry has it: its digest, and bytes by digest of what it is made of. */
export type Manifest = { readonly digest: string; readonly blobs: ReadonlyMap<string, number> };

/** The distribution API (OCI distribution specification 1.0), as far as pruning needs it. */
export type RegistryClient = {
  listRepositories(signal: AbortSignal): Promise<readonly string[]>;
  /** Empty for a repository that is not there. */
  listTags(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  findManifest(repository: string, reference: string, signal: AbortSignal): Promise<Manifest | null>;
  /** False when the registry deletes nothing, or not for us. */
  deleteManifest(repository: string, digest: string, signal: AbortSignal): Promise<boolean>;
};

const answerMs = 30_000;
const pageSize = 1000;
const manifestTypes = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
].join(', ');

type Ask = { readonly method: string; readonly path: string; readonly signal: AbortSignal };

export function openRegistryClient(registry: Registry): RegistryClient {
  /** Throws `registry_unreachable` and `registry_denied`; any other answer is the caller's. */
  async function ask({ method, path, signal }: Ask): Promise<Response> {
    const url = path.startsWith('/') ? registry.origin + path : path;
    const headers = { accept: manifestTypes, ...basicOf(registry) };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    try {
      const first = await fetch(url, { method, headers, signal: bounded });
      if (first.status !== 401) return first;
      const token = await fetchToken(registry, first.headers.get('www-authenticate') ?? '', bounded);
      await first.body?.cancel();
      if (token === null) throw denied(registry);
      const bearer = { accept: manifestTypes, authorization: `Bearer ${token}` };
      return await fetch(url, { method, headers: bearer, signal: bounded });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Failure) throw error;
      const cause = (error as Error).cause ?? error;
      const why = `${registry.address}: ${(cause as Error).message}`;
      throw new Failure('registry_unreachable', why, { cause: error });
    }
  }

  async function listPages(
    path: string,
    key: 'repositories' | 'tags',
    signal: AbortSignal,
  ): Promise<string[]> {
    const found: string[] = [];
    for (let next: string | null = path; next !== null; ) {
      const answer = await ask({ method: 'GET', path: next, signal });
      if (answer.status === 404) return found;
      if (!answer.ok) throw unexpected(registry, answer);
      const page = (await answer.json()) as Partial<Record<typeof key, string[] | null>>;
      found.push(...(page[key] ?? []));
      next = nextPage(registry, answer.headers.get('link'));
    }
    return found;
  }

  return {
    listRepositories: (signal) => listPages(`/v2/_catalog?n=${pageSize}`, 'repositories', signal),
    listTags: (repository, signal) => listPages(`/v2/${repository}/tags/list?n=${pageSize}`, 'tags', signal),
    async findManifest(repository, reference, signal) {
      const answer = await ask({ method: 'GET', path: `/v2/${repository}/manifests/${reference}`, signal });
      if (answer.status === 404) return null;
      if (!answer.ok) throw unexpected(registry, answer);
      const digest = answer.headers.get('docker-content-digest') ?? '';
      return { digest, blobs: listBlobs((await answer.json()) as WrittenManifest) };
    },
    async deleteManifest(repository, digest, signal) {
      const answer = await ask({ method: 'DELETE', path: `/v2/${repository}/manifests/${digest}`, signal });
      await answer.body?.cancel();
      if (answer.ok || answer.status === 404) return true;
      if ([400, 401, 403, 405].includes(answer.status)) return false;
      throw unexpected(registry, answer);
    },
  };
}

type Blob = { readonly digest: string; readonly size: number };
type WrittenManifest = { readonly config?: Blob; readonly layers?: readonly Blob[] };

function listBlobs({ config, layers = [] }: WrittenManifest): Map<string, number> {
  const blobs = config === undefined ? layers : [config, ...layers];
  return new Map(blobs.map(({ digest, size }) => [digest, size]));
}

/** The address behind `Link: <…>; rel="next"`, and never one of another host. */
function nextPage({ origin }: Registry, link: string | null): string | null {
  const target = /<([^>]+)>;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return null;
  const url = new URL(target, origin);
  return url.origin === origin ? url.pathname + url.search : null;
}

/** Token authentication of the distribution API: the registry names who gives the token. */
async function fetchToken(
  registry: Registry,
  challenge: string,
  signal: AbortSignal,
): Promise<string | null> {
  const fields = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const realm = fields.get('realm');
  if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) return null;
  const url = new URL(realm);
  for (const key of ['service', 'scope']) {
    const value = fields.get(key);
    if (value !== undefined) url.searchParams.set(key, value);
  }
  const answer = await fetch(url, { headers: basicOf(registry), signal });
  if (!answer.ok) return null;
  const { token, access_token = token } = (await answer.json()) as { token?: string; access_token?: string };
  return access_token ?? null;
}

function basicOf({ auth }: Registry): Record<string, string> {
  if (auth === null) return {};
  const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

function denied({ address }: Registry): Failure {
  return new Failure('registry_denied', `${address} does not let us in`);
}

function unexpected(registry: Registry, { status, url }: Response): Failure {
  const code = status === 401 || status === 403 ? 'registry_denied' : 'registry_failed';
  return new Failure(code, `${registry.address} answered ${status} for ${new URL(url).pathname}`);
}
