import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import { readRepositoryPath } from '../model/webhook.ts';
import { hostOf, notAllowed, type OutboundRules, parseOutboundUrl } from '../outbound/addresses.ts';
import { type LookUp, type PinnedAddress, pinAddress } from '../outbound/resolve.ts';
import { requireGit, runGit, signalGroup, spawnGit, watchGit } from '../receive/git/process.ts';

/** By what a repository may be fetched. */
export const fetchSchemes = ['https', 'ssh', 'http'] as const;

export type FetchWish = {
  readonly url: string;
  readonly ref: string;
  /** Repository that has most of it already: what is there is not fetched again. */
  readonly beside: string;
  readonly token: string | null;
  /** The name that the forge wants beside a token. */
  readonly tokenUser?: string;
  readonly privateKey: string | null;
};

export type FetchOptions = {
  /** Folder for what is being fetched. */
  readonly folder: string;
  /** Keys of hosts that were met before. */
  readonly knownHosts: string;
  readonly rules: OutboundRules;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly look?: LookUp;
};

/** A repository for this one fetch, gone when it is disposed. */
export type Fetched = AsyncDisposable & { readonly path: string; readonly commit: string };

/** The URL of a repository. Throws `url_not_allowed`. */
export function parseRepositoryUrl(text: string, rules: OutboundRules): URL {
  const url = parseOutboundUrl(text, fetchSchemes, rules);
  if (readRepositoryPath(url.href) !== null) return url;
  throw notAllowed('it has a "%" that stands for no character');
}

const lookAgainMs = 250;
const wrapper = join(import.meta.dirname, '..', '..', 'hooks', 'ssh-forge');

/**
 * Fetches one ref into a repository of its own, from an address that was looked up once and checked. No redirect, no
 * submodule, nothing but the one scheme; ended when it takes too long or too much. Throws `url_not_allowed`,
 * `host_not_found`, `repository_not_fetched`.
 */
export async function fetchRef(wish: FetchWish, options: FetchOptions): Promise<Fetched> {
  const url = parseRepositoryUrl(wish.url, options.rules);
  const pinned = await pinAddress(url, options.rules, options.look);
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const path = await mkdtemp(join(options.folder, 'fetch-'));
  const remove = () => rm(path, { recursive: true, force: true });
  try {
    await requireGit(
      ['init', '--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=main', path],
      'git init',
    );
    await mkdir(join(path, 'objects', 'info'), { recursive: true });
    await writeFile(join(path, 'objects', 'info', 'alternates'), `${join(wish.beside, 'objects')}\n`);
    await runFetch(path, { url, pinned, wish, options });
    const commit = await readFetched(path, wish.ref);
    return { path, commit, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

type Plan = {
  readonly url: URL;
  readonly pinned: PinnedAddress;
  readonly wish: FetchWish;
  readonly options: FetchOptions;
};

async function runFetch(path: string, plan: Plan): Promise<void> {
  const { url, wish, options } = plan;
  const settings = {
    [`protocol.${url.protocol.slice(0, -1)}.allow`]: 'always',
    'http.followRedirects': 'false',
    'http.proxy': '',
    'http.lowSpeedLimit': '1000',
    'http.lowSpeedTime': '30',
    'http.curloptResolve': describePin(plan),
    'credential.helper': '',
    'core.askPass': '',
    'submodule.recurse': 'false',
    'fetch.unpackLimit': '1',
    'gc.auto': '0',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const how = [
    '--quiet',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-auto-maintenance',
    '--no-write-fetch-head',
  ];
  const args = ['--git-dir', path, ...words, 'fetch', ...how, '--', url.href, `+${wish.ref}:${wish.ref}`];
  const env = await describeLogin(path, plan);
  options.signal.throwIfAborted();
  const git = spawnGit(args, { env, ownGroup: true });
  const ended = watchGit(git);
  git.stdin.end();
  git.stdout.resume();
  let why = '';
  const stop = (reason: string) => {
    why ||= reason;
    signalGroup(git, 'SIGKILL');
  };
  const limit = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  limit.addEventListener('abort', () => stop('it took too long'), { once: true });
  const watch = setInterval(() => {
    sizeOf(join(path, 'objects', 'pack')).then(
      (bytes) => {
        if (bytes > options.maxBytes) stop('it is larger than limits.push of the server');
      },
      (error: Error) => stop(`its size cannot be told: ${error.message}`),
    );
  }, lookAgainMs);
  try {
    const { code, stderr } = await ended;
    options.signal.throwIfAborted();
    if (code === 0) return;
    const reason = why || lastLine(stderr, wish) || `git ended with ${code}`;
    throw new Failure('repository_not_fetched', `${wish.ref} of ${url.href} was not fetched: ${reason}.`);
  } finally {
    clearInterval(watch);
  }
}

/** Where curl finds the host, whatever a name server says by then. */
function describePin({ url, pinned: { address, family } }: Plan): string {
  const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : url.port;
  return `${hostOf(url)}:${port}:${family === 6 ? `[${address}]` : address}`;
}

/** Secrets go by the environment and by files of this user alone: other users read the words of a process. */
async function describeLogin(
  path: string,
  { url, pinned, wish, options }: Plan,
): Promise<Record<string, string>> {
  if (url.protocol !== 'ssh:') {
    if (wish.token === null) return {};
    const login = Buffer.from(`${wish.tokenUser ?? 'x-access-token'}:${wish.token}`).toString('base64');
    return {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${url.origin}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${login}`,
    };
  }
  const identity = join(path, 'identity');
  if (wish.privateKey !== null) await writeFile(identity, wish.privateKey, { mode: 0o600 });
  const lines = [
    ...['Host *', `HostName ${pinned.address}`, `HostKeyAlias ${hostOf(url)}`],
    ...[
      `IdentityFile ${wish.privateKey === null ? 'none' : identity}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
    ],
    ...['BatchMode yes', 'StrictHostKeyChecking accept-new', `UserKnownHostsFile ${options.knownHosts}`],
    ...['GlobalKnownHostsFile none', 'UpdateHostKeys no', 'ConnectTimeout 20', 'PermitLocalCommand no'],
    ...['ProxyCommand none', 'ForwardAgent no', 'ClearAllForwardings yes', 'LogLevel ERROR'],
  ];
  const config = join(path, 'ssh_config');
  await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { GIT_SSH: wrapper, GIT_SSH_VARIANT: 'ssh', HAWSER_SSH_CONFIG: config };
}

async function readFetched(path: string, ref: string): Promise<string> {
  const { code, stdout } = await runGit([
    '--git-dir',
    path,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    ref,
  ]);
  const commit = stdout.toString().trim();
  if (code === 0 && /^[0-9a-f]{40}$/.test(commit)) return commit;
  throw new Failure('repository_not_fetched', `${ref} has no commit that can be used.`);
}

async function sizeOf(folder: string): Promise<number> {
  try {
    const names = await readdir(folder);
    const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ size }) => size)));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    // A file of a pack is renamed when it is whole: the next look sees it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** What git said last, on one line, without what was secret in it. */
function lastLine(said: string, { token }: FetchWish): string {
  const lines = said.split('\n').map((line) => line.replace(/\p{Cc}/gu, ' ').trim());
  const line =
    lines
      .filter((each) => each !== '')
      .at(-1)
      ?.slice(0, 300)
      .replace(/\.$/, '') ?? '';
  return token === null ? line : line.replaceAll(token, '[secret]');
}
