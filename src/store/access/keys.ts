import { timingSafeEqual } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';
import {
  type Credential,
  isExpired,
  type NewCredential,
  newCredential,
  rememberUse,
  toCredential,
} from './credential.ts';

/** A public key that may come in over SSH; one with an app is a deploy key. */
export type Key = Credential & { readonly fingerprint: string };

/** The public half, as the wire format has it. */
export type KeyMaterial = { readonly fingerprint: string; readonly blob: Buffer };

/** Throws `key_exists`. */
export async function addKey(db: Database, wanted: NewCredential & KeyMaterial): Promise<Key> {
  const { fingerprint, blob } = wanted;
  const row = { ...newCredential('k', wanted), fingerprint, blob: blob.toString('base64') };
  const { numInsertedOrUpdatedRows: added = 0n } = await db
    .insertInto('keys')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (added === 0n) {
    const there = await db
      .selectFrom('keys')
      .select('name')
      .where('fingerprint', '=', fingerprint)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    throw new Failure('key_exists', `The key ${fingerprint} is there as "${there?.name ?? ''}".`);
  }
  return toKey(row);
}

/** The key as far as it is valid now; null for one that is unknown, removed or expired. */
export async function findKey(db: Database, { fingerprint, blob }: KeyMaterial): Promise<Key | null> {
  const row = await db
    .selectFrom('keys')
    .selectAll()
    .where('fingerprint', '=', fingerprint)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined || isExpired(row)) return null;
  const known = Buffer.from(row.blob, 'base64');
  return known.length === blob.length && timingSafeEqual(known, blob) ? toKey(row) : null;
}

/** Notes that its holder came in today. */
export async function rememberKeyUse(db: Database, key: Key): Promise<void> {
  await rememberUse(db, 'keys', { id: key.id, last_used_on: key.lastUsedOn });
}

export async function listKeys(db: Database): Promise<readonly Key[]> {
  return (await db.selectFrom('keys').selectAll().orderBy('created_at').execute()).map(toKey);
}

/** A key by its id or fingerprint. Throws `key_not_found`. */
export async function getKey(db: Database, which: string): Promise<Key> {
  const row = await db
    .selectFrom('keys')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', which), eb('fingerprint', '=', which)]))
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined) throw keyNotFound(which);
  return toKey(row);
}

/** Takes a key away by its id or fingerprint. Throws `key_not_found`. */
export async function removeKey(db: Database, which: string): Promise<Key> {
  const row = await db
    .updateTable('keys')
    .set({ revoked_at: new Date().toISOString() })
    .where((eb) => eb.or([eb('id', '=', which), eb('fingerprint', '=', which)]))
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw keyNotFound(which);
  return toKey(row);
}

function keyNotFound(which: string): Failure {
  return new Failure('key_not_found', `There is no valid key ${JSON.stringify(which)}.`);
}

function toKey(row: Tables['keys']): Key {
  return { ...toCredential(row), fingerprint: row.fingerprint };
}
