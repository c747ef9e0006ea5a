import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';

export type RawTreeEntry = { mode: string; name: string | Buffer; oid: string };

/** Writes objects that git itself would refuse to make, straight into a repository's folder of objects. */
export async function writeObject(
  repository: string,
  type: 'blob' | 'tree' | 'commit',
  data: Buffer,
): Promise<string> {
  const whole = Buffer.concat([Buffer.from(`${type} ${data.length}\0`), data]);
  const oid = createHash('sha1').update(whole).digest('hex');
  const path = join(repository, '.git', 'objects', oid.slice(0, 2), oid.slice(2));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, deflateSync(whole));
  return oid;
}

/** Entries as they are given: sorted or not, allowed or not. */
export function writeTree(repository: string, entries: RawTreeEntry[]): Promise<string> {
  const parts = entries.flatMap(({ mode, name, oid }) => [
    Buffer.from(`${mode} `),
    Buffer.from(name),
    Buffer.from([0]),
    Buffer.from(oid, 'hex'),
  ]);
  return writeObject(repository, 'tree', Buffer.concat(parts));
}

export function writeBlob(repository: string, content: string | Buffer): Promise<string> {
  return writeObject(repository, 'blob', Buffer.from(content));
}

export function writeCommit(repository: string, tree: string): Promise<string> {
  const person = 'Ada <ada@example.com> 1700000000 +0000';
  return writeObject(
    repository,
    'commit',
    Buffer.from(`tree ${tree}\nauthor ${person}\ncommitter ${person}\n\nmade by hand\n`),
  );
}
