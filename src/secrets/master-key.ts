import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Failure } from '../failure.ts';
import { replaceFile } from './replace-file.ts';
import type { SealKey } from './seal.ts';

/** The keys of an installation: the first one wraps, the others are kept until they are retired. */
export type MasterKeys = {
  /** Makes one where none is, for a ledger in which nothing is sealed yet. */
  ensure(): void;
  /** Read anew: another process may have rotated them. Throws `master_key_*`. */
  read(): readonly SealKey[];
  /**
   * Puts a new key before the others, on disk when it returns. Where Hawser cannot write a person must have put it
   * there; throws `master_key_elsewhere` when nobody did.
   */
  rotate(): void;
  /** Keeps only the first one, on disk when it returns; false where Hawser cannot write. */
  retire(): boolean;
  /** The file, or null for the environment. */
  readonly path: string | null;
};

export type MasterKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string };

const keyBytes = 32;

/**
 * Keys in a file that only we may read, or handed in by the environment; several are separated by white space. `made` is
 * told of a file that was made.
 */
export function openMasterKeys(source: MasterKeySource, made: (path: string) => void = () => {}): MasterKeys {
  if (source.kind === 'text') {
    const keys = () => parseKeys(source.text, '"secrets.key"');
    return {
      path: null,
      ensure: () => {},
      read: keys,
      rotate: () => (keys().length > 1 ? undefined : refuseElsewhere()),
      retire: () => false,
    };
  }
  const { path } = source;
  const ensure = () => {
    if (!isThere(path) && replaceFile(path, formatKeys([makeKey()]), { onlyNew: true })) made(path);
  };
  const read = () => readKeyFile(path);
  const write = (keys: readonly SealKey[]) => replaceFile(path, formatKeys(keys));
  return {
    path,
    ensure,
    read,
    rotate: () => void write([makeKey(), ...read()]),
    retire: () => write(read().slice(0, 1)),
  };
}

function readKeyFile(path: string): readonly SealKey[] {
  if (!isThere(path)) {
    throw new Failure(
      'master_key_missing',
      `The master key ${path} is not there, and values are sealed under it.`,
      {
        fix: `Bring your copy of it back: install -m 600 COPY ${path}. Nothing else opens what is sealed.`,
      },
    );
  }
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new Failure('master_key_open', `${path} can be read by others (mode 0${mode.toString(8)}).`, {
      fix: `chmod 600 ${path}, then hawser secrets:rotate if anybody else may have read it.`,
    });
  }
  return parseKeys(readFileSync(path, 'utf8'), path);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function parseKeys(text: string, where: string): readonly SealKey[] {
  const keys = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => Buffer.from(word, 'base64'));
  if (keys.length === 0 || keys.some((bytes) => bytes.length !== keyBytes)) {
    throw new Failure('master_key_wrong', `${where} does not hold 32 bytes in base64.`, {
      fix: 'Put your copy back. For a new installation: openssl rand -base64 32 makes a key.',
    });
  }
  return keys.map(toKey);
}

function makeKey(): SealKey {
  return toKey(randomBytes(keyBytes));
}

/** The name tells nothing of the key. */
function toKey(bytes: Buffer): SealKey {
  const id = createHash('sha256').update('hawser master key\n').update(bytes).digest('hex').slice(0, 16);
  return { id, bytes };
}

function formatKeys(keys: readonly SealKey[]): string {
  return keys.map(({ bytes }) => `${bytes.toString('base64')}\n`).join('');
}

function refuseElsewhere(): never {
  throw new Failure(
    'master_key_elsewhere',
    'The master key comes from the environment, where Hawser cannot write.',
  );
}
