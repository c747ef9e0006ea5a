import { quoteValue } from './printable.ts';

/** One entry of a tree object, as its bytes say. */
export type RawEntry = { readonly mode: number; readonly name: Buffer; readonly oid: string };

export const modes = { tree: 0o040000, symlink: 0o120000, gitlink: 0o160000 } as const;

/** Reads a tree object: octal mode, a space, the name, NUL and 20 bytes of id, again and again. Throws when it is cut. */
export function parseTree(data: Buffer): RawEntry[] {
  const entries: RawEntry[] = [];
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(32, at);
    const nul = data.indexOf(0, space);
    if (space < 0 || nul < 0 || nul + 21 > data.length)
      throw new RangeError('a tree object ends in the middle');
    entries.push({
      mode: Number.parseInt(data.toString('latin1', at, space), 8),
      name: data.subarray(space + 1, nul),
      oid: data.toString('hex', nul + 1, nul + 21),
    });
    at = nul + 21;
  }
  return entries;
}

/** Why a name may not be in a source, or null. `maxBytes` is what file systems take. */
export function refuseName(name: Buffer, maxBytes: number): string | null {
  if (name.length > maxBytes) return `is ${name.length} bytes long (limit ${maxBytes})`;
  if (name.some((byte) => byte < 0x20 || byte === 0x7f)) return 'has control characters in its name';
  if (isGitFolder(name.toString('utf8'))) return 'would be a git folder on some machines';
  return null;
}

/** `.git` in the spellings that file systems take for it. */
function isGitFolder(name: string): boolean {
  const plain = name
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')
    .replace(/(?::.*)?[ .]*$/, '')
    .toLowerCase();
  return plain === '.git' || plain === 'git~1' || name === '.' || name === '..';
}

/** Whether bytes are text as builders read it: UTF-8 or a neighbour of it, no NUL, no terminal controls. */
export function isText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  const odd = bytes.reduce(
    (count, byte) => (byte < 9 || (byte > 13 && byte < 32 && byte !== 27) ? count + 1 : count),
    0,
  );
  return odd === 0 && !(bytes[0] === 0xff && bytes[1] === 0xfe) && !(bytes[0] === 0xfe && bytes[1] === 0xff);
}

/** A path for people: printable, quoted, cut. */
export function showPath(folder: string, name: Buffer | string): string {
  const text = typeof name === 'string' ? name : name.toString('utf8');
  return quoteValue(folder === '' ? text : `${folder}/${text}`);
}
