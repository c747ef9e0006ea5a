import { randomBytes } from 'node:crypto';
import { Failure } from '../failure.ts';
import { hashToken, isToken, makeToken, type Right } from '../model/token.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type Token = {
  readonly id: string;
  readonly name: string;
  /** The one app that it is for; null means all. */
  readonly appId: string | null;
  readonly rights: readonly Right[];
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedOn: string | null;
};

/** Makes a token; its text is returned this once and kept only as a hash. `days` null never expires. */
export async function createToken(
  db: Database,
  wanted: {
    name: string;
    appId: string | null;
    rights: readonly Right[];
    days: number | null;
    actor: string;
  },
): Promise<{ token: string; record: Token }> {
  const token = makeToken();
  const now = Date.now();
  const row = {
    id: `t${randomBytes(5).toString('hex')}`,
    hash: hashToken(token),
    name: wanted.name,
    app_id: wanted.appId,
    rights: wanted.rights.join(','),
    created_at: new Date(now).toISOString(),
    created_by: wanted.actor,
    expires_at: wanted.days === null ? null : new Date(now + wanted.days * 86_400_000).toISOString(),
    revoked_at: null,
    last_used_on: null,
  };
  await db.insertInto('tokens').values(row).execute();
  return { token, record: toToken(row) };
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
  if (row.expires_at && row.expires_at < new Date().toISOString()) {
    throw new Failure('token_expired', `The token "${row.name}" expired on ${row.expires_at}.`);
  }
  await rememberUse(db, row);
  return toToken(row);
}

/** The day is enough to find tokens that nobody uses, and costs one write a day. */
async function rememberUse(db: Database, row: Tables['tokens']): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  if (row.last_used_on === today) return;
  await db.updateTable('tokens').set({ last_used_on: today }).where('id', '=', row.id).execute();
}

export async function listTokens(db: Database): Promise<readonly Token[]> {
  return (await db.selectFrom('tokens').selectAll().orderBy('created_at').execute()).map(toToken);
}

/** Revokes by id or name. Throws `token_not_found`. */
export async function revokeToken(db: Database, idOrName: string): Promise<Token> {
  const row = await db
    .updateTable('tokens')
    .set({ revoked_at: new Date().toISOString() })
    .where((eb) => eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]))
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined)
    throw new Failure('token_not_found', `There is no valid token ${JSON.stringify(idOrName)}.`);
  return toToken(row);
}

function toToken(row: Tables['tokens']): Token {
  return {
    id: row.id,
    name: row.name,
    appId: row.app_id,
    rights: row.rights.split(',') as Right[],
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedOn: row.last_used_on,
  };
}
