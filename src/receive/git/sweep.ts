import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { requireGit } from './process.ts';
import { removeStaleLock } from './refs.ts';

const keptPack = /^pack-[0-9a-f]+\.keep$/;

/**
 * Removes what killed and refused pushes leave: quarantines and unfinished packs older than the age, stale locks,
 * and objects that no ref reaches. Safe beside pushes, as nothing younger than the age is touched.
 */
export async function sweep(repository: string, olderThanMs: number): Promise<void> {
  const limit = Date.now() - olderThanMs;
  await removeOld(join(repository, 'objects'), /^(?:tmp_objdir-|tmp_obj_|incoming-)/, limit);
  await removeOld(join(repository, 'objects', 'pack'), /^(?:tmp_|\.tmp-)/, limit);
  for (const lock of await findLocks(repository)) await removeStaleLock(lock);
  if (!(await hasObjects(repository))) return;
  const when = new Date(limit).toISOString();
  const git = ['--git-dir', repository];
  await requireGit([...git, 'repack', '-A', '-d', '-q', `--unpack-unreachable=${when}`], 'repack');
  await requireGit([...git, 'prune', `--expire=${when}`], 'prune');
}

/** Removes every quarantine and every keep of a pack, for who knows that no push is in one. */
export async function removeQuarantines(repository: string): Promise<void> {
  await removeOld(join(repository, 'objects'), /^tmp_objdir-/, Number.POSITIVE_INFINITY);
  await removeOld(join(repository, 'objects', 'pack'), keptPack, Number.POSITIVE_INFINITY);
}

/**
 * Lets go of the packs that a receive-pack brought. It keeps them from being repacked until its refs are there, which is
 * until its deploy has ended; a git of 2.48 or newer refuses the same pack as long, so whoever pushes once more, or after
 * a Ctrl-C, would not be let in.
 */
export async function releasePacks(repository: string, pid: number): Promise<void> {
  const folder = join(repository, 'objects', 'pack');
  for (const name of await listFolder(folder)) {
    if (!keptPack.test(name)) continue;
    const path = join(folder, name);
    const owner = await readFile(path, 'utf8').catch(ifGone(''));
    if (owner.startsWith(`receive-pack ${pid} on `)) await rm(path, { force: true });
  }
}

async function removeOld(folder: string, pattern: RegExp, limit: number): Promise<void> {
  for (const name of await listFolder(folder)) {
    if (!pattern.test(name)) continue;
    const path = join(folder, name);
    if ((await changedAt(path)) < limit) await rm(path, { recursive: true, force: true });
  }
}

async function hasObjects(repository: string): Promise<boolean> {
  const names = await listFolder(join(repository, 'objects', 'pack'));
  return names.some((name) => name.endsWith('.pack'));
}

async function findLocks(repository: string): Promise<string[]> {
  const inRefs = await listFolder(join(repository, 'refs'), true);
  const own = await readdir(repository);
  return [...own, ...inRefs.map((name) => join('refs', name))]
    .filter((name) => name.endsWith('.lock'))
    .map((name) => join(repository, name));
}

async function listFolder(folder: string, recursive = false): Promise<string[]> {
  return readdir(folder, { recursive }).catch(ifGone([]));
}

async function changedAt(path: string): Promise<number> {
  return stat(path).then((found) => found.mtimeMs, ifGone(Number.POSITIVE_INFINITY));
}

/** What stands for something that another process removed first. */
function ifGone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}
