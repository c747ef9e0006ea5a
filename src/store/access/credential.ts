import { randomBytes } from 'node:crypto';
import type { Actor, Right } from '../../model/access.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';

/** What tokens and keys have in common: whom they are for and how long. */
export type Credential = {
  readonly id: string;
  readonly name: string;
  /** The one app that it is for; null means all. */
  readonly appId: string | null;
  /** The one environment that it is for; null means all, and the app itself. */
  readonly env: string | null;
  readonly rights: readonly Right[];
  /** The user whose it is, and without whom it is worth nothing; null for one of its own. */
  readonly userId: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedOn: string | null;
};

/** `days` null never expires. */
export type NewCredential = {
  readonly name: string;
  readonly appId: string | null;
  readonly env?: string | null;
  readonly rights: readonly Right[];
  readonly userId?: string | null;
  readonly days: number | null;
  readonly actor: string;
};

type CredentialRow = Omit<Tables['tokens'], 'hash'>;

/** The columns of a new one; the id begins with the letter of its kind. */
export function newCredential(letter: 't' | 'k', wanted: NewCredential): CredentialRow {
  const now = Date.now();
  return {
    id: `${letter}${randomBytes(5).toString('hex')}`,
    name: wanted.name,
    app_id: wanted.appId,
    env: wanted.env ?? null,
    rights: wanted.rights.join(','),
    user_id: wanted.userId ?? null,
    created_at: new Date(now).toISOString(),
    created_by: wanted.actor,
    expires_at: wanted.days === null ? null : new Date(now + wanted.days * 86_400_000).toISOString(),
    revoked_at: null,
    last_used_on: null,
  };
}

export function isExpired(row: Pick<CredentialRow, 'expires_at'>): boolean {
  return row.expires_at !== null && row.expires_at < new Date().toISOString();
}

/** The day is enough to find those that nobody uses, and costs one write a day. */
export async function rememberUse(
  db: Database,
  table: 'tokens' | 'keys',
  row: Pick<CredentialRow, 'id' | 'last_used_on'>,
): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  if (row.last_used_on === today) return;
  await db.updateTable(table).set({ last_used_on: today }).where('id', '=', row.id).execute();
}

export function toCredential(row: CredentialRow): Credential {
  return {
    id: row.id,
    name: row.name,
    appId: row.app_id,
    env: row.env,
    rights: row.rights.split(',') as Right[],
    userId: row.user_id,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedOn: row.last_used_on,
  };
}

/** Who comes in with it. */
export function toActor(kind: 'token' | 'key', { id, name, appId, env, rights, userId }: Credential): Actor {
  return { kind, name, userId, via: id, grants: [{ appId, env, rights }] };
}
