import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Path } from './json.ts';
import type { Mistake } from './mistakes.ts';

const maxBytes = 64 * 1024;
/** Their keys are names that people choose, so `env` or `file` there is a name. */
const namedByPeople = new Set(['servers', 'environments', 'notifications.receivers']);

/** Where values may come from that are not in the file itself. */
export type Outside = { readonly folder: string; readonly env: NodeJS.ProcessEnv };

/**
 * Replaces `{ "env": "NAME" }` and `{ "file": "path" }` by what they name, and drops `x-` keys. The rest of
 * the tree is copied as it is. Values are secrets: mistakes name the variable or file, never its content.
 */
export function readOutsideValues(tree: unknown, outside: Outside): { tree: unknown; mistakes: Mistake[] } {
  const walk = { outside, mistakes: [] };
  return { tree: visit(tree, [], walk), mistakes: walk.mistakes };
}

type Walk = { readonly outside: Outside; readonly mistakes: Mistake[] };

function visit(value: unknown, path: Path, walk: Walk): unknown {
  if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index], walk));
  if (typeof value !== 'object' || value === null) return value;
  const named = namedByPeople.has(path.join('.'));
  if (path.length > 0 && !named && isReference(value)) return readReference(value, path, walk);
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') walk.mistakes.push({ path: [...path, key], message: 'unknown key "__proto__"' });
    else if (named || !key.startsWith('x-')) copy[key] = visit(item, [...path, key], walk);
  }
  return copy;
}

type Reference = { readonly env: string } | { readonly file: string };

function isReference(value: object): value is Reference {
  const entries = Object.entries(value);
  return (
    entries.length === 1 &&
    entries.every(([key, item]) => /^(?:env|file)$/.test(key) && typeof item === 'string')
  );
}

function readReference(reference: Reference, path: Path, walk: Walk): string | undefined {
  if ('env' in reference) {
    const value = walk.outside.env[reference.env];
    if (value === undefined || value === '')
      walk.mistakes.push({ path, message: `the environment variable "${reference.env}" is not set` });
    return value;
  }
  const file = resolvePath(reference.file, walk.outside);
  try {
    return readSecretFile(file);
  } catch (error) {
    walk.mistakes.push({ path, message: `cannot read the file ${file}: ${explain(error)}` });
    return undefined;
  }
}

/** The text of a file without the line break at its end. Throws an Error that says why it is not read. */
export function readSecretFile(file: string): string {
  // Opened once: what is looked at is what is read. Who opens a FIFO does not wait for its writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error('it is not a file');
    if (stat.size > maxBytes) throw new Error('it is larger than 64 KB');
    refuseOpenFile(file, stat.mode & 0o777);
    return readFileSync(descriptor, 'utf8').replace(/\r?\n$/, '');
  } finally {
    closeSync(descriptor);
  }
}

/** What is worth a file of its own is worth nobody else's eyes. */
function refuseOpenFile(file: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new Error(`it can be read by others (mode 0${mode.toString(8)}): chmod 600 ${file}`);
}

/** A path of the file: relative to its folder, `~/` is the home folder. */
export function resolvePath(path: string, outside: Outside): string {
  if (path.startsWith('~/')) return join(outside.env.HOME ?? homedir(), path.slice(2));
  return isAbsolute(path) ? path : resolve(outside.folder, path);
}

/**
 * What is wrong with a private key file, or undefined: sshd and we refuse one that others can read. `otherwise` is what
 * to do about one that cannot be read.
 */
export function findIdentityMistake(
  file: string,
  otherwise = 'leave the key out to use the one that Hawser makes',
): { message: string; hint: string } | undefined {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return { message: `${file} is not a file`, hint: 'name the private key file' };
    const mode = stat.mode & 0o777;
    if ((mode & 0o077) === 0) return undefined;
    return {
      message: `${file} can be read by others (mode 0${mode.toString(8)})`,
      hint: `chmod 600 ${file}`,
    };
  } catch (error) {
    const dangling = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()
      ? ', a link to nowhere'
      : '';
    return {
      message: `cannot read ${file}: ${explain(error)}${dangling}`,
      hint: otherwise,
    };
  }
}

/** The operator's words for the usual errors of the file system. */
export function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
}
