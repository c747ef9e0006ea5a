import { PassThrough, type Readable } from 'node:stream';
import { Failure } from '../../failure.ts';
import { printable } from '../printable.ts';
import { requireGit, spawnGit } from './process.ts';

export type TreeEntry = {
  readonly path: string;
  readonly kind: 'file' | 'executable' | 'symlink' | 'gitlink' | 'tree';
  readonly oid: string;
  /** Bytes; null for what is not a blob. */
  readonly size: number | null;
};

export type BlobRead =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'missing' | 'symlink' | 'gitlink' | 'tree' }
  | { readonly kind: 'too_large'; readonly size: number };

/** A file of a commit, unless it is not a file. Nothing is opened outside the repository. */
export async function readBlob(
  repository: string,
  commit: string,
  path: string,
  maxBytes: number,
): Promise<BlobRead> {
  const entry = await findEntry(repository, commit, checkTreePath(path));
  if (entry === undefined) return { kind: 'missing' };
  if (entry.kind === 'symlink' || entry.kind === 'gitlink' || entry.kind === 'tree')
    return { kind: entry.kind };
  const size = entry.size ?? 0;
  if (size > maxBytes) return { kind: 'too_large', size };
  const bytes = await requireGit(
    ['--git-dir', repository, 'cat-file', 'blob', entry.oid],
    `reading ${path}`,
    {
      maxOutput: maxBytes,
    },
  );
  return { kind: 'file', bytes };
}

async function findEntry(repository: string, commit: string, path: string): Promise<TreeEntry | undefined> {
  const args = ['--git-dir', repository, 'ls-tree', '-z', '-l', '--full-tree', commit, '--', path];
  const listed = await requireGit(args, `looking for ${path} in ${commit}`);
  return parseTreeEntries(listed).entries.find((entry) => entry.path === path);
}

const kinds: Readonly<Record<string, TreeEntry['kind']>> = {
  '040000': 'tree',
  '120000': 'symlink',
  '160000': 'gitlink',
  '100755': 'executable',
};

/** `mode SP type SP oid SP+ size TAB path NUL`, as `git ls-tree -z -l` prints it. */
function parseTreeEntries(bytes: Buffer): { entries: TreeEntry[]; rest: Buffer } {
  const entries: TreeEntry[] = [];
  let at = 0;
  for (let end = bytes.indexOf(0, at); end >= 0; end = bytes.indexOf(0, at)) {
    const line = bytes.toString('utf8', at, end);
    const tab = line.indexOf('\t');
    const [mode = '', , oid = '', size = '-'] = line.slice(0, tab).split(/ +/);
    entries.push({
      path: line.slice(tab + 1),
      kind: kinds[mode] ?? 'file',
      oid,
      size: size === '-' ? null : Number(size),
    });
    at = end + 1;
  }
  return { entries, rest: bytes.subarray(at) };
}

/** A path inside a tree, never out of it. */
function checkTreePath(path: string): string {
  const parts = path.split('/');
  if (!path.includes('\0') && !parts.some((part) => part === '' || part === '.' || part === '..'))
    return path;
  throw new Failure(
    'path_not_allowed',
    `${JSON.stringify(path.slice(0, 80))} is not a path inside the source`,
  );
}

/** Streams, so that a tree of any size costs what was asked for and no more. */
export async function listTree(
  repository: string,
  commit: string,
  { recursive, maxEntries }: { recursive: boolean; maxEntries: number },
): Promise<{ entries: TreeEntry[]; complete: boolean }> {
  const flags = recursive ? ['-r'] : [];
  const git = spawnGit(['--git-dir', repository, 'ls-tree', '-z', '-l', '--full-tree', ...flags, commit]);
  const ended = endOf(git, `listing ${commit}`);
  git.stdin.end();
  const entries: TreeEntry[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of git.stdout) {
    const parsed = parseTreeEntries(Buffer.concat([rest, chunk as Buffer]));
    entries.push(...parsed.entries);
    rest = parsed.rest;
    if (entries.length <= maxEntries) continue;
    // Its death is ours, and no error.
    ended.catch(() => undefined);
    git.kill('SIGKILL');
    return { entries: entries.slice(0, maxEntries), complete: false };
  }
  await ended;
  return { entries, complete: true };
}

/** Who made a commit and what they called it; control characters are shown, not passed on. */
export async function readCommit(
  repository: string,
  oid: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ author: string; message: string; time: string }> {
  const args = [
    '--git-dir',
    repository,
    'log',
    '-1',
    '--no-show-signature',
    '--no-mailmap',
    '--encoding=UTF-8',
  ];
  const format = '--format=%an <%ae>%x00%s%x00%cI';
  const said = await requireGit([...args, format, '--end-of-options', oid, '--'], `reading commit ${oid}`, {
    env,
  });
  const [author = '', message = '', time = ''] = said.toString('utf8').trimEnd().split('\0');
  return { author: printable(author).slice(0, 200), message: printable(message).slice(0, 500), time };
}

/** A tar made from objects: no file is ever checked out. A git that fails destroys the stream with a Failure. */
export function archive(repository: string, commit: string, subfolder?: string): Readable {
  const tree = subfolder === undefined ? commit : `${commit}:${checkTreePath(subfolder)}`;
  const args = [
    '--git-dir',
    repository,
    '-c',
    'tar.umask=0022',
    'archive',
    '--format=tar',
    '--end-of-options',
    tree,
  ];
  const git = spawnGit(args);
  const tar = new PassThrough();
  git.stdin.end();
  // Not piped to its end: the last bytes count only when git says that it ended well.
  git.stdout.pipe(tar, { end: false });
  endOf(git, `archive of ${commit}`).then(
    () => tar.end(),
    (error) => tar.destroy(error),
  );
  tar.on('close', () => git.kill('SIGKILL'));
  return tar;
}

/** Resolves when a git has ended well and its output was read. */
async function endOf(git: ReturnType<typeof spawnGit>, what: string): Promise<void> {
  let stderr = '';
  git.stdin.on('error', () => undefined);
  git.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < 4096) stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    git.on('error', reject);
    git.on('close', resolve);
  });
  if (code !== 0) throw new Failure('git_failed', `${what}: ${stderr.trim() || `git ended with ${code}`}`);
}
