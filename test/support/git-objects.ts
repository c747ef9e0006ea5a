import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';

export type RawTreeEntry = { readonly mode: string; readonly name: string | Buffer; readonly oid: string };

export type GitObject = {
  readonly kind: 'blob' | 'tree' | 'commit';
  readonly data: Buffer;
  readonly oid: string;
};

export function makeObject(kind: GitObject['kind'], content: string | Buffer): GitObject {
  const data = Buffer.from(content);
  const oid = createHash('sha1').update(`${kind} ${data.length}\0`).update(data).digest('hex');
  return { kind, data, oid };
}

/** Entries as they are given: sorted or not, allowed or not. */
export function makeTree(entries: readonly RawTreeEntry[]): GitObject {
  const parts = entries.flatMap(({ mode, name, oid }) => [
    Buffer.from(`${mode} `),
    Buffer.from(name),
    Buffer.from([0]),
    Buffer.from(oid, 'hex'),
  ]);
  return makeObject('tree', Buffer.concat(parts));
}

export function makeCommit(tree: string, message: string): GitObject {
  const person = 'Ada <ada@example.com> 1700000000 +0000';
  return makeObject('commit', `tree ${tree}\nauthor ${person}\ncommitter ${person}\n\n${message}\n`);
}

/** Writes objects that git itself would refuse to make, straight into a repository's folder of objects. */
export async function writeObject(repository: string, { kind, data, oid }: GitObject): Promise<string> {
  const path = join(repository, '.git', 'objects', oid.slice(0, 2), oid.slice(2));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, deflateSync(Buffer.concat([Buffer.from(`${kind} ${data.length}\0`), data])));
  return oid;
}

export function writeTree(repository: string, entries: readonly RawTreeEntry[]): Promise<string> {
  return writeObject(repository, makeTree(entries));
}

export function writeBlob(repository: string, content: string | Buffer): Promise<string> {
  return writeObject(repository, makeObject('blob', content));
}

export function writeCommit(repository: string, tree: string): Promise<string> {
  return writeObject(repository, makeCommit(tree, 'made by hand'));
}
