import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Failure } from '../failure.ts';
import { runPipe, runProgram } from './program.ts';

/** A folder that becomes the root of an image. */
export type ImageRoot = {
  readonly path: string;
  readonly signal: AbortSignal;
  [Symbol.asyncDispose](): Promise<void>;
};

const accounts = [
  'root:x:0:0:root:/root:/bin/sh',
  'node:x:1000:1000::/home/node:/bin/sh',
  'nobody:x:65534:65534:nobody:/:/bin/false',
];
const groups = ['root:x:0:', 'node:x:1000:', 'nogroup:x:65534:'];

/** An empty root with accounts, name resolution and the machine's CA certificates. */
export async function openImageRoot(signal: AbortSignal): Promise<ImageRoot> {
  const path = await mkdtemp(join(tmpdir(), 'hawser-image-'));
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc/ssl/certs', 'root', 'home/node'])
    await mkdir(join(path, folder), { recursive: true });
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${folder}`, join(path, folder));
  for (const folder of ['run', 'proc', 'sys', 'dev', 'tmp', 'var/tmp'])
    await mkdir(join(path, folder), { recursive: true });
  for (const folder of ['tmp', 'var/tmp']) await chmod(join(path, folder), 0o1777);
  await writeFile(join(path, 'etc/passwd'), `${accounts.join('\n')}\n`);
  await writeFile(join(path, 'etc/group'), `${groups.join('\n')}\n`);
  await writeFile(join(path, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  await writeFile(join(path, 'etc/ssl/certs/ca-certificates.crt'), await readCertificates());
  return { path, signal, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The machine's own list and what its operator added beside it. */
async function readCertificates(): Promise<string> {
  const own = '/usr/local/share/ca-certificates';
  const names = (await listFolder(own)).filter((name) => name.endsWith('.crt'));
  const files = ['/etc/ssl/certs/ca-certificates.crt', ...names.map((name) => join(own, name))];
  return (await Promise.all(files.map(readOrEmpty))).join('\n');
}

/** busybox with a link for each program of it that is not there yet. */
export async function addBusybox(root: ImageRoot): Promise<void> {
  const busybox = await findProgram('busybox', ['/bin/busybox', '/usr/bin/busybox'], 'busybox-static');
  await addFile(root, busybox, 'usr/bin/busybox');
  const paths = (await runProgram(busybox, ['--list-full'], root.signal)).trim().split('\n');
  for (const path of paths) {
    const place = path.startsWith('usr/') ? path : `usr/${path}`;
    await addLink(root, place, '/usr/bin/busybox');
  }
}

/** A program of the machine with the libraries that its loader would load. */
export async function addProgram(root: ImageRoot, file: string, place: string): Promise<void> {
  await addFile(root, file, place);
  const listed = await runProgram('ldd', [file], root.signal);
  const libraries = listed.matchAll(/(?:=> )?(\/\S+) \(0x/g);
  for (const [, library = ''] of libraries) await addFile(root, library, placeInUsr(library));
}

/** A folder of the machine, whole, links as links. */
export async function addFolder(root: ImageRoot, folder: string, place: string): Promise<void> {
  await cp(folder, join(root.path, place), { recursive: true, verbatimSymlinks: true });
}

/** A link, unless something is there already. */
export async function addLink(root: ImageRoot, place: string, target: string): Promise<void> {
  const path = join(root.path, place);
  await mkdir(dirname(path), { recursive: true });
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Unpacks Debian packages and all that they depend on; downloads them, installs nothing. */
export async function addPackages(root: ImageRoot, names: readonly string[]): Promise<void> {
  const archives = await mkdtemp(join(tmpdir(), 'hawser-packages-'));
  try {
    await mkdir(join(archives, 'partial'));
    await runProgram('apt-get', [...downloadOptions(archives), ...names], root.signal);
    for (const name of await listFolder(archives)) {
      if (name.endsWith('.deb')) await unpack(root, join(archives, name));
    }
  } finally {
    await rm(archives, { recursive: true });
  }
}

/** An empty status makes apt name the dependencies that the machine has already as well. */
function downloadOptions(archives: string): string[] {
  const options = [
    'Dir::State::status=/dev/null',
    `Dir::Cache::archives=${archives}`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'Debug::NoLocking=1',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  return ['install', '-qq', '--yes', '--download-only', '--no-install-recommends', ...options];
}

async function unpack(root: ImageRoot, archive: string): Promise<void> {
  // with --ignore-zeros tar reads to the end, or the pipe would break on the padding
  const untar = [
    '-x',
    '--ignore-zeros',
    '--keep-directory-symlink',
    '--no-same-owner',
    '-C',
    root.path,
  ] as const;
  await runPipe(['dpkg-deb', '--fsys-tarfile', archive], ['tar', ...untar], root.signal);
}

/** The first of these that exists, or a failure that names the package. */
export async function findProgram(name: string, paths: readonly string[], from: string): Promise<string> {
  for (const path of paths) {
    if (await exists(path)) return await realpath(path);
  }
  throw new Failure('setup_failed', `${name} was not found at ${paths.join(' or ')}; install ${from}`);
}

async function addFile(root: ImageRoot, file: string, place: string): Promise<void> {
  const path = join(root.path, place);
  await mkdir(dirname(path), { recursive: true });
  await cp(file, path, { dereference: true });
}

/** `/lib/x` is `/usr/lib/x`: what is a link on one machine is a folder on another. */
function placeInUsr(library: string): string {
  return library.startsWith('/usr/') ? library.slice(1) : `usr${library}`;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined; // asked for, absence is an answer
}

async function listFolder(path: string): Promise<string[]> {
  return (await exists(path)) ? (await readdir(path)).sort() : [];
}

async function readOrEmpty(path: string): Promise<string> {
  return (await exists(path)) ? await readFile(path, 'utf8') : '';
}
