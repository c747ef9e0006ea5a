import { readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { requireGit, runGit } from './process.ts';
import { syncFileSystem } from './sync.ts';

/** A lock of git is held for milliseconds; one this old belongs to a process that died. */
export const staleLockMs = 10_000;

/** The object that a full ref points to; null when there is none. */
export async function readRef(repository: string, ref: string): Promise<string | null> {
  const said = await runGit(['--git-dir', repository, 'show-ref', '--verify', '--hash', '--', ref]);
  if (said.code === 0) return said.stdout.toString('latin1').trim();
  if (said.stderr.includes('not a valid ref')) return null;
  throw new Failure('git_failed', `reading ${ref}: ${said.stderr.trim()}`);
}

/** Refs under a prefix such as `refs/heads/`, in order of name. */
export async function listRefs(repository: string, prefix: string): Promise<{ ref: string; oid: string }[]> {
  const args = ['--git-dir', repository, 'for-each-ref', '--format=%(objectname) %(refname)', '--', prefix];
  const said = await requireGit(args, `listing ${prefix}`);
  return said
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ oid: line.slice(0, 40), ref: line.slice(41) }));
}

/** True when every commit of the first is in the second; `env` carries a quarantine. */
export async function isAncestor(
  repository: string,
  ancestor: string,
  descendant: string,
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const args = ['--git-dir', repository, 'merge-base', '--is-ancestor', ancestor, descendant];
  const said = await runGit(args, { env });
  if (said.code === 0 || said.code === 1) return said.code === 0;
  throw new Failure('git_failed', `comparing ${ancestor} with ${descendant}: ${said.stderr.trim()}`);
}

/** `new` of null deletes; `old` of 40 zeros means that it must not exist, undefined that it does not matter. */
export type RefChange = {
  readonly ref: string;
  readonly new: string | null;
  readonly old?: string | undefined;
};

/**
 * All of the changes or none of them, on disk when it resolves. A lock that a dead process left is waited out and
 * removed; a ref that stood elsewhere is Failure ref_changed.
 */
export async function changeRefs(repository: string, changes: readonly RefChange[]): Promise<void> {
  const deadline = performance.now() + staleLockMs + 5_000;
  const input = changes.map(serializeChange).join('');
  for (;;) {
    const said = await runGit(['--git-dir', repository, 'update-ref', '--no-deref', '-z', '--stdin'], {
      input,
    });
    if (said.code === 0) break;
    const lock = findLock(repository, said.stderr);
    if (lock === null || performance.now() > deadline) throw refFailure(changes, said.stderr);
    if (!(await removeStaleLock(lock))) await pause(50);
  }
  for (const change of changes) await pointHead(repository, change);
  await syncFileSystem(repository);
}

function serializeChange(change: RefChange): string {
  if (change.new === null) return `delete ${change.ref}\0${change.old ?? ''}\0`;
  return `update ${change.ref}\0${change.new}\0${change.old ?? ''}\0`;
}

function refFailure(changes: readonly RefChange[], stderr: string): Failure {
  const ref = changes.find((change) => stderr.includes(change.ref))?.ref ?? changes[0]?.ref ?? 'the ref';
  const moved = /but expected|reference already exists|unable to resolve reference/.test(stderr);
  if (moved) return new Failure('ref_changed', `${ref} was changed in the meantime by somebody else`);
  return new Failure('git_failed', `changing ${ref}: ${stderr.trim()}`);
}

function findLock(repository: string, stderr: string): string | null {
  const lock = /Unable to create '([^']+\.lock)': File exists/.exec(stderr)?.[1];
  return lock?.startsWith(`${repository}/`) === true ? lock : null;
}

/** True when the lock is gone. */
export async function removeStaleLock(lock: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(lock);
    if (Date.now() - mtimeMs < staleLockMs) return false;
    await unlink(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** A clone needs a HEAD that exists: the first branch becomes it. */
async function pointHead(repository: string, change: RefChange): Promise<void> {
  if (change.new === null || !change.ref.startsWith('refs/heads/')) return;
  const head = (await readFile(join(repository, 'HEAD'), 'utf8')).trim().replace(/^ref: /, '');
  if (head === change.ref || (await readRef(repository, head)) !== null) return;
  await requireGit(
    ['--git-dir', repository, 'symbolic-ref', 'HEAD', change.ref],
    `pointing HEAD to ${change.ref}`,
  );
}
