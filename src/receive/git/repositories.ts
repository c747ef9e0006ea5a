import { randomBytes } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure } from '../../failure.ts';
import { type ObjectReader, openObjectReader } from '../object-reader.ts';
import { findCommit } from './find-commit.ts';
import { type Commit, listCommits } from './log.ts';
import { requireGit } from './process.ts';
import { changeRefs, isAncestor, listRefs, type RefChange, readRef } from './refs.ts';
import { releasePacks, removeQuarantines, sweep } from './sweep.ts';
import { syncFileSystem } from './sync.ts';
import { archive, type BlobRead, listTree, readBlob, readCommit, type TreeEntry } from './tree.ts';

export type { Commit } from './log.ts';

/** The repositories of all apps: bare, one folder per app id, touched by git's plumbing only. */
export type Git = {
  /** Folder of a repository; the id is the ledger's, never a name that a user typed. */
  path(id: string): string;
  exists(id: string): Promise<boolean>;
  /** Makes an empty repository; one that is there stays as it is. */
  initRepository(id: string): Promise<void>;
  deleteRepository(id: string): Promise<void>;
  readBlob(id: string, commit: string, path: string, options: { maxBytes: number }): Promise<BlobRead>;
  /** Entries in git's order; `complete` is false when there are more than `maxEntries`. */
  listTree(
    id: string,
    commit: string,
    options: { recursive: boolean; maxEntries: number },
  ): Promise<{ entries: TreeEntry[]; complete: boolean }>;
  /** `author` is "Name <address>", `message` the subject line, `time` ISO 8601. */
  readCommit(id: string, oid: string): Promise<{ author: string; message: string; time: string }>;
  /** The full id of a commit by its first digits. Throws `commit_id_invalid`, `commit_ambiguous`, `commit_not_found` and `not_a_commit`. */
  findCommit(id: string, digits: string): Promise<string>;
  /** Commits that are in `to` and not in `from`, the newest first; none of one that the repository lacks. */
  listCommits(id: string, from: string, to: string, most: number): Promise<Commit[]>;
  isAncestor(
    id: string,
    ancestor: string,
    descendant: string,
    env?: Readonly<Record<string, string>>,
  ): Promise<boolean>;
  /** The object a ref points to; null when there is no such ref. */
  readRef(id: string, ref: string): Promise<string | null>;
  /** On disk when it resolves. `expectedOld` of 40 zeros means that it must not exist. Failure ref_changed. */
  updateRef(id: string, ref: string, newOid: string, expectedOld?: string): Promise<void>;
  deleteRef(id: string, ref: string, expectedOld?: string): Promise<void>;
  /** All or nothing, as updateRef and deleteRef. */
  changeRefs(id: string, changes: readonly RefChange[]): Promise<void>;
  listRefs(id: string, prefix: string): Promise<{ ref: string; oid: string }[]>;
  /** A tar of the commit's files; an error of git destroys the stream. */
  archive(id: string, commit: string, subfolder?: string): Readable;
  openReader(id: string, env?: Readonly<Record<string, string>>): ObjectReader;
  /** Removes what killed and refused pushes left: old quarantines, stale locks, unreachable objects. */
  sweep(id: string, options?: { olderThanMs?: number }): Promise<void>;
  /** The refs of a push are there: its packs need not be kept by the receive-pack of that pid any more. */
  releasePacks(id: string, pid: number): Promise<void>;
  /** Removes what pushes have of their own, for who knows that none is in flight. */
  removeQuarantines(id: string): Promise<void>;
};

const repositoryConfig = `[core]
	repositoryFormatVersion = 0
	bare = true
	fileMode = true
	fsync = all
	bigFileThreshold = 16m
	logAllRefUpdates = false
	alternateRefsCommand = false
[gc]
	auto = 0
[maintenance]
	auto = false
[transfer]
	fsckObjects = true
	hideRefs = refs/hawser
	advertiseSID = false
[receive]
	procReceiveRefs = refs
	advertisePushOptions = true
	advertiseAtomic = true
	unpackLimit = 1
	autogc = false
	denyDeletes = false
	denyNonFastForwards = false
	shallowUpdate = false
	updateServerInfo = false
[receive "fsck"]
	zeroPaddedFilemode = warn
	missingSpaceBeforeDate = warn
	badTimezone = warn
[uploadpack]
	allowFilter = false
[pack]
	threads = 1
	windowMemory = 64m
`;

/** No attribute of a pushed tree changes what the archive of it holds. */
const repositoryAttributes = '* -export-ignore -export-subst\n';

/** Opens the folder that holds all repositories; git's own programs are found on the fixed search path. */
export function openGit(options: { repositories: string }): Git {
  const path = (id: string) => join(options.repositories, `${checkId(id)}.git`);
  return {
    path,
    exists: (id) => exists(join(path(id), 'HEAD')),
    initRepository: (id) => initRepository(options.repositories, path(id)),
    deleteRepository: (id) => deleteRepository(path(id)),
    readBlob: (id, commit, file, { maxBytes }) => readBlob(path(id), checkOid(commit), file, maxBytes),
    listTree: (id, commit, how) => listTree(path(id), checkOid(commit), how),
    readCommit: (id, oid) => readCommit(path(id), checkOid(oid)),
    findCommit: async (id, digits) =>
      findCommit((await exists(join(path(id), 'HEAD'))) ? path(id) : null, digits),
    listCommits: (id, from, to, most) => listCommits(path(id), checkOid(from), checkOid(to), most),
    isAncestor: (id, ancestor, descendant, env) =>
      isAncestor(path(id), checkOid(ancestor), checkOid(descendant), env),
    readRef: (id, ref) => readRef(path(id), checkRef(ref)),
    updateRef: (id, ref, newOid, old) => changeRefs(path(id), [checkChange({ ref, new: newOid, old })]),
    deleteRef: (id, ref, old) => changeRefs(path(id), [checkChange({ ref, new: null, old })]),
    changeRefs: (id, changes) => changeRefs(path(id), changes.map(checkChange)),
    listRefs: (id, prefix) => listRefs(path(id), checkRef(prefix)),
    archive: (id, commit, subfolder) => archive(path(id), checkOid(commit), subfolder),
    openReader: (id, env) => openObjectReader(path(id), env),
    sweep: (id, how = {}) => sweep(path(id), how.olderThanMs ?? 60 * 60_000),
    releasePacks: (id, pid) => releasePacks(path(id), pid),
    removeQuarantines: (id) => removeQuarantines(path(id)),
  };
}

function checkId(id: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(id)) return id;
  throw new Error(`not an id of a repository: ${JSON.stringify(id)}`);
}

function checkOid(oid: string): string {
  if (/^[0-9a-f]{40}$/.test(oid)) return oid;
  throw new Failure('object_not_found', `${JSON.stringify(oid.slice(0, 80))} is not the full id of a commit`);
}

function checkRef(ref: string): string {
  if (ref.startsWith('refs/') && !ref.includes('\0') && !ref.includes('\n')) return ref;
  throw new Failure('ref_not_allowed', `${JSON.stringify(ref.slice(0, 80))} is not a full ref`);
}

function checkChange(change: RefChange): RefChange {
  checkRef(change.ref);
  if (change.new !== null) checkOid(change.new);
  if (change.old !== undefined) checkOid(change.old);
  return change;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Made beside its place and renamed into it: a crash leaves no half of a repository. */
async function initRepository(folder: string, path: string): Promise<void> {
  if (await exists(path)) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made = `${path}.new-${randomBytes(6).toString('hex')}`;
  await requireGit(
    ['init', '--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=main', made],
    'git init',
  );
  await writeFile(join(made, 'config'), repositoryConfig, { mode: 0o600 });
  await mkdir(join(made, 'info'), { recursive: true });
  await writeFile(join(made, 'info', 'attributes'), repositoryAttributes);
  await rename(made, path).catch(async (error: NodeJS.ErrnoException) => {
    await rm(made, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  await syncFileSystem(path);
}

async function deleteRepository(path: string): Promise<void> {
  const gone = `${path}.gone-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}
