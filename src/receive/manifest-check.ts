import { Failure } from '../failure.ts';
import type { FailureCode } from '../failure-catalogue.ts';
import type { ObjectReader } from './object-reader.ts';
import { formatBytes } from './printable.ts';
import { isText, modes, parseTree, type RawEntry } from './tree-shape.ts';

/** What we read ourselves from a source: more than this is not a manifest. */
export const maxManifestBytes = 1024 * 1024;

type Problem = 'is_symlink' | 'is_submodule' | 'is_directory' | 'empty' | 'too_large' | 'not_text';

const manifests = ['Dockerfile', 'app.json', 'Procfile', '.dockerignore'];

const said: Readonly<Record<Problem, string>> = {
  is_symlink: 'is a symbolic link',
  is_submodule: 'is a submodule',
  is_directory: 'is a folder',
  empty: 'is empty',
  too_large: 'is too large',
  not_text: 'is not text',
};

/** The files at the root that the server reads must be plain, small text; throws the Failure that names the one that is not. */
export async function checkManifests(reader: ObjectReader, rootTree: string): Promise<void> {
  const [root] = await reader.read([rootTree]);
  for (const entry of root === null || root === undefined ? [] : parseTree(root.data)) {
    const name = entry.name.toString('utf8');
    if (manifests.includes(name)) await checkManifest(reader, name, entry);
    if (name === '.gitmodules') await checkModules(reader, entry);
  }
}

async function checkManifest(reader: ObjectReader, name: string, entry: RawEntry): Promise<void> {
  if (entry.mode === modes.symlink) throw problem(name, 'is_symlink');
  if (entry.mode === modes.gitlink) throw problem(name, 'is_submodule');
  if (entry.mode === modes.tree) throw problem(name, 'is_directory');
  const size = (await reader.inspect([entry.oid]))[0]?.size ?? 0;
  if (size > maxManifestBytes) throw problem(name, 'too_large', ` (${formatBytes(size)}, limit 1 MiB)`);
  // An empty .dockerignore ignores nothing, as Docker has it.
  if (size === 0 && name !== '.dockerignore') throw problem(name, 'empty');
  const [object] = await reader.read([entry.oid]);
  if (object != null && !isText(object.data)) throw problem(name, 'not_text');
}

/** Submodules are never fetched, so a source that relies on them would build something else than its author sees. */
async function checkModules(reader: ObjectReader, entry: RawEntry): Promise<void> {
  const size = entry.mode === modes.tree ? 1 : ((await reader.inspect([entry.oid]))[0]?.size ?? 1);
  if (size > 0)
    throw new Failure('submodules_not_supported', 'the source has a .gitmodules; submodules are not fetched');
}

function problem(name: string, kind: Problem, detail = ''): Failure {
  const code: FailureCode = `${name === 'Dockerfile' ? 'dockerfile' : 'manifest'}_${kind}`;
  return new Failure(code, `${name} ${said[kind]}${detail}`);
}
