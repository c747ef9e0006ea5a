import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import { checkManifests } from './manifest-check.ts';
import type { ObjectReader } from './object-reader.ts';
import { formatBytes } from './printable.ts';
import { modes, parseTree, refuseName, showPath } from './tree-shape.ts';

export type TreeLimits = Pick<Limits, 'file' | 'treeFiles' | 'treeBytes' | 'treeDepth'>;

/** A tree object, read once however often it is used: that is what makes a bomb of 10^9 files cheap to see. */
type Tree = {
  readonly oid: string;
  /** Where it was met first, for messages. */
  readonly path: string;
  readonly files: number;
  readonly blobs: readonly string[];
  readonly children: readonly string[];
};

type Blob = { readonly path: string; readonly isAttributes: boolean };

type Walk = {
  readonly trees: Map<string, Tree>;
  readonly blobs: Map<string, Blob>;
  readonly gitlinks: string[];
  readonly limits: TreeLimits;
};

const maxName = 255;
const maxPath = 4096;
const maxAttributes = 100 * 1024;
const maxPointers = 1000;

/**
 * Looks at all that a commit would put on a disk, without unpacking it. Throws the Failure that says what must not
 * come in; resolves with warnings. Memory is bound by the number of unique trees and blobs that the limits allow.
 */
export async function checkTree(reader: ObjectReader, commit: string, limits: TreeLimits): Promise<string[]> {
  const walk: Walk = { trees: new Map(), blobs: new Map(), gitlinks: [], limits };
  const root = await findRoot(reader, commit);
  const order = await readTrees(reader, root, walk);
  checkDepth(order, limits);
  const totals = countFiles(order, limits);
  const sizes = await checkSizes(reader, walk);
  checkBytes(order, totals, sizes, limits);
  await checkManifests(reader, root);
  return [...describeGitlinks(walk), ...(await describePointers(reader, walk, sizes))];
}

async function findRoot(reader: ObjectReader, commit: string): Promise<string> {
  const [found] = await reader.inspect([`${commit}^{tree}`]);
  if (found?.type === 'tree') return found.oid;
  throw new Failure('not_a_commit', `${commit.slice(0, 12)} is not a commit with files`);
}

/** Level by level, each unique tree once. The order has every tree before the trees inside it, except shared ones. */
async function readTrees(reader: ObjectReader, root: string, walk: Walk): Promise<Tree[]> {
  let level = new Map([[root, '']]);
  for (let depth = 1; level.size > 0; depth += 1) {
    if (depth > walk.limits.treeDepth) {
      const [path = ''] = level.values();
      throw tooDeep(path, walk.limits);
    }
    const next = new Map<string, string>();
    const wanted = [...level.keys()];
    // Sizes come first: a tree is held in memory, so one that is out of bounds is never read.
    for (const batch of chunksOf(wanted, 256)) await readBatch(reader, batch, level, next, walk);
    level = next;
  }
  return sortTrees(root, walk.trees);
}

async function readBatch(
  reader: ObjectReader,
  batch: string[],
  level: ReadonlyMap<string, string>,
  next: Map<string, string>,
  walk: Walk,
): Promise<void> {
  for (const info of await reader.inspect(batch)) {
    const bound = walk.limits.treeFiles * 300;
    if (present(info).size > bound) throw tooManyFiles(`more than ${walk.limits.treeFiles}`, walk.limits);
  }
  for (const object of await reader.read(batch)) {
    const { oid, data } = present(object);
    for (const [child, path] of noteTree(oid, level.get(oid) ?? '', data, walk)) {
      if (!walk.trees.has(child) && !level.has(child)) next.set(child, path);
    }
  }
}

function present<T>(object: T | null): T {
  if (object === null) throw new Failure('git_failed', 'an object of the push is missing');
  return object;
}

/** Takes in one tree: its names are checked, its files and folders are noted. Gives back the folders in it. */
function noteTree(oid: string, path: string, data: Buffer, walk: Walk): Map<string, string> {
  const folders = new Map<string, string>();
  const children: string[] = [];
  const blobs: string[] = [];
  for (const entry of parseTree(data)) {
    checkName(path, entry.name);
    const name = entry.name.toString('utf8');
    const full = path === '' ? name : `${path}/${name}`;
    if (entry.mode === modes.tree) {
      children.push(entry.oid);
      folders.set(entry.oid, full);
    } else if (entry.mode === modes.gitlink) {
      walk.gitlinks.push(full);
    } else {
      blobs.push(entry.oid);
      if (!walk.blobs.has(entry.oid))
        walk.blobs.set(entry.oid, { path: full, isAttributes: name === '.gitattributes' });
    }
  }
  walk.trees.set(oid, { oid, path, files: blobs.length, blobs, children });
  const { treeFiles } = walk.limits;
  // Unique ones alone are over the limit: what they add up to need not be known.
  if (walk.blobs.size > treeFiles || walk.trees.size > treeFiles + 1 || walk.gitlinks.length > treeFiles) {
    throw tooManyFiles(`more than ${treeFiles.toLocaleString('en')}`, walk.limits);
  }
  return folders;
}

function checkName(path: string, name: Buffer): void {
  const reason = refuseName(name, maxName);
  if (reason !== null) throw new Failure('path_not_allowed', `${showPath(path, name)} ${reason}`);
  const length = Buffer.byteLength(path) + 1 + name.length;
  if (length > maxPath) {
    throw new Failure(
      'path_too_deep',
      `the path ${showPath(path, name)} is ${length} bytes long (limit ${maxPath})`,
    );
  }
}

/** Parents before children, each tree once. */
function sortTrees(root: string, trees: ReadonlyMap<string, Tree>): Tree[] {
  const order: Tree[] = [];
  const seen = new Set<string>();
  const stack: { oid: string; done: boolean }[] = [{ oid: root, done: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const tree = trees.get(top.oid);
    if (tree === undefined) continue;
    if (top.done) order.push(tree);
    else if (!seen.has(top.oid)) {
      seen.add(top.oid);
      stack.push({ oid: top.oid, done: true });
      for (const child of tree.children) if (!seen.has(child)) stack.push({ oid: child, done: false });
    }
  }
  return order.reverse();
}

/** A tree that was met near the root may be used again far below: the longest way to each counts. */
function checkDepth(order: readonly Tree[], limits: TreeLimits): void {
  const depths = new Map<string, number>();
  for (const tree of order) {
    const depth = depths.get(tree.oid) ?? 1;
    if (depth > limits.treeDepth) throw tooDeep(tree.path, limits);
    for (const child of tree.children) depths.set(child, Math.max(depths.get(child) ?? 1, depth + 1));
  }
}

function tooDeep(path: string, limits: TreeLimits): Failure {
  return new Failure(
    'path_too_deep',
    `folders are more than ${limits.treeDepth} deep at ${showPath('', path)}`,
  );
}

/** How often each tree is in the whole, root first; throws when the files add up to too many. */
function countFiles(order: readonly Tree[], limits: TreeLimits): Map<string, number> {
  const times = new Map<string, number>();
  let files = 0;
  for (const [index, tree] of order.entries()) {
    const count = index === 0 ? 1 : (times.get(tree.oid) ?? 0);
    times.set(tree.oid, count);
    files += count * tree.files;
    for (const child of tree.children) times.set(child, (times.get(child) ?? 0) + count);
  }
  if (files > limits.treeFiles) throw tooManyFiles(files.toLocaleString('en'), limits);
  // Empty folders cost as much as files where they are unpacked.
  const folders = [...times.values()].reduce((sum, count) => sum + count, 0);
  if (folders > limits.treeFiles + 1)
    throw tooManyFiles(`${folders.toLocaleString('en')} folders and`, limits);
  return times;
}

function tooManyFiles(count: string, limits: TreeLimits): Failure {
  return new Failure('tree_too_large', `${count} files (limit ${limits.treeFiles.toLocaleString('en')})`);
}

async function checkSizes(reader: ObjectReader, walk: Walk): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const batch of chunksOf([...walk.blobs.keys()], 4096)) {
    for (const info of await reader.inspect(batch)) {
      const { oid, size } = present(info);
      checkSize(size, walk.blobs.get(oid), walk.limits);
      sizes.set(oid, size);
    }
  }
  return sizes;
}

function checkSize(size: number, blob: Blob | undefined, limits: TreeLimits): void {
  const limit = blob?.isAttributes === true ? Math.min(maxAttributes, limits.file) : limits.file;
  if (size <= limit) return;
  const path = showPath('', blob?.path ?? 'a file');
  throw new Failure('file_too_large', `${path} is ${formatBytes(size)} (limit ${formatBytes(limit)})`);
}

function checkBytes(
  order: readonly Tree[],
  times: ReadonlyMap<string, number>,
  sizes: ReadonlyMap<string, number>,
  limits: TreeLimits,
): void {
  let bytes = 0;
  for (const tree of order) {
    for (const blob of tree.blobs) bytes += (times.get(tree.oid) ?? 0) * (sizes.get(blob) ?? 0);
  }
  if (bytes <= limits.treeBytes) return;
  throw new Failure(
    'tree_too_large',
    `${formatBytes(bytes)} of files (limit ${formatBytes(limits.treeBytes)})`,
  );
}

function describeGitlinks({ gitlinks }: Walk): string[] {
  const shown = gitlinks.slice(0, 5).map((path) => `submodule at ${showPath('', path)} is not fetched`);
  return gitlinks.length > 5 ? [...shown, `and ${gitlinks.length - 5} more submodules`] : shown;
}

/** Files of git LFS are pointers here; only a tree whose attributes speak of it is looked through. */
async function describePointers(
  reader: ObjectReader,
  walk: Walk,
  sizes: ReadonlyMap<string, number>,
): Promise<string[]> {
  const attributes = [...walk.blobs].filter(([, blob]) => blob.isAttributes).map(([oid]) => oid);
  const read = await reader.read(attributes.slice(0, 20));
  if (!read.some((object) => object?.data.includes('filter=lfs') === true)) return [];
  const small = [...sizes].filter(([, size]) => size >= 100 && size < 1024).map(([oid]) => oid);
  const candidates = await reader.read(small.slice(0, maxPointers));
  const mark = 'version https://git-lfs.github.com/spec/v1';
  const found = candidates.filter((object) =>
    object?.data.subarray(0, 100).toString('latin1').startsWith(mark),
  );
  return found.length === 0 ? [] : [`git LFS files are not fetched: ${found.length} pointers found`];
}

function chunksOf<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}
