import { Failure } from '../../failure.ts';
import { type Actor, limitGrants } from '../../model/access.ts';
import { isToken } from '../../model/token.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';
import { type Credential, toActor } from './credential.ts';
import { readUserGrants } from './grants.ts';
import { findKey, type Key, type KeyMaterial } from './keys.ts';
import { useSession } from './sessions.ts';
import { authenticate } from './tokens.ts';
import { getUserRow, toUser } from './users.ts';

/**
 * Who a token or the token of a session stands for, asked anew each time. Throws `token_malformed`,
 * `token_unknown`, `token_expired`, `token_revoked`, `user_disabled`.
 */
export async function identifyToken(db: Database, text: string): Promise<Actor> {
  const session = isToken(text) ? await useSession(db, text) : undefined;
  if (session === undefined) return identifyOwned(db, 'token', await authenticate(db, text));
  const row = await readEnabled(db, session.user_id);
  return { kind: 'user', name: row.name, userId: row.id, via: session.id, grants: await grantsOf(db, row) };
}

/** Who a key stands for now; null for a stranger and for a user who is disabled. */
export async function identifyKey(
  db: Database,
  material: KeyMaterial,
): Promise<{ readonly key: Key; readonly actor: Actor } | null> {
  const key = await findKey(db, material);
  if (key === null) return null;
  try {
    return { key, actor: await identifyOwned(db, 'key', key) };
  } catch (error) {
    if (error instanceof Failure && error.code === 'user_disabled') return null;
    throw error;
  }
}

/** A token or key of a user can what both can: it never outlives nor exceeds the user. */
async function identifyOwned(db: Database, kind: 'token' | 'key', credential: Credential): Promise<Actor> {
  const actor = toActor(kind, credential);
  const [bounds] = actor.grants;
  if (credential.userId === null || bounds === undefined) return actor;
  const row = await readEnabled(db, credential.userId);
  return { ...actor, name: row.name, grants: limitGrants(await grantsOf(db, row), bounds) };
}

function grantsOf(db: Database, row: Tables['users']) {
  return readUserGrants(db, toUser(row));
}

async function readEnabled(db: Database, userId: string): Promise<Tables['users']> {
  const row = await getUserRow(db, userId);
  if (row.disabled_at === null) return row;
  throw new Failure('user_disabled', `The user ${row.name} was disabled on ${row.disabled_at}.`);
}
