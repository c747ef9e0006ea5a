import { Failure } from '../../failure.ts';
import { hashToken, isToken, makeToken } from '../../model/token.ts';
import type { Database } from '../database.ts';
import {
  type Credential,
  isExpired,
  type NewCredential,
  newCredential,
  rememberUse,
  toCredential,
} from './credential.ts';

export type Token = Credential;

/** Makes a token; its text is returned this once and kept only as a hash. */
export async function createToken(
  db: Database,
  wanted: NewCredential,
): Promise<{ token: string; record: Token }> {
  const token = makeToken();
  const row = { ...newCredential('t', wanted), hash: hashToken(token) };
  await db.insertInto('tokens').values(row).execute();
  return { token, record: toCredential(row) };
}

/** Who a token stands for. Throws `token_malformed`, `token_unknown`, `token_expired`, `token_revoked`. */
export async function authenticate(db: Database, text: string): Promise<Token> {
  if (!isToken(text)) throw new Failure('token_malformed', 'The token is not complete, or mistyped.');
  const row = await db
    .selectFrom('tokens')
    .selectAll()
    .where('hash', '=', hashToken(text))
    .executeTakeFirst();
  if (row === undefined) throw new Failure('token_unknown', 'This server does not know the token.');
  if (row.revoked_at)
    throw new Failure('token_revoked', `The token "${row.name}" was revoked on ${row.revoked_at}.`);
  if (isExpired(row))
    throw new Failure('token_expired', `The token "${row.name}" expired on ${row.expires_at}.`);
  await rememberUse(db, 'tokens', row);
  return toCredential(row);
}

export async function listTokens(db: Database): Promise<readonly Token[]> {
  return (await db.selectFrom('tokens').selectAll().orderBy('created_at').execute()).map(toCredential);
}

/** Revokes by id or name, of one user or of all. Throws `token_not_found`. */
export async function revokeToken(
  db: Database,
  idOrName: string,
  { ofUser = null }: { readonly ofUser?: string | null } = {},
): Promise<Token> {
  const all = db
    .updateTable('tokens')
    .set({ revoked_at: new Date().toISOString() })
    .where((eb) => eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]))
    .where('revoked_at', 'is', null);
  const own = ofUser === null ? all : all.where('user_id', '=', ofUser);
  const row = await own.returningAll().executeTakeFirst();
  if (row === undefined)
    throw new Failure('token_not_found', `There is no valid token ${JSON.stringify(idOrName)}.`);
  return toCredential(row);
}
