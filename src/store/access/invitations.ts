import { Failure } from '../../failure.ts';
import { hashToken, makeToken } from '../../model/token.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';

export type Invitation = Tables['invitations'];

/** Makes an invitation for one machine; its text is returned this once and kept only as a hash. `forMs` from now on. */
export async function createInvitation(
  db: Database,
  wanted: { readonly roles: readonly string[]; readonly forMs: number; readonly actor: string },
): Promise<{ readonly token: string; readonly expiresAt: string }> {
  const token = makeToken();
  const now = Date.now();
  const expiresAt = new Date(now + wanted.forMs).toISOString();
  const row = {
    hash: hashToken(token),
    roles: wanted.roles.join(','),
    created_by: wanted.actor,
    created_at: new Date(now).toISOString(),
    expires_at: expiresAt,
    used_by: null,
  };
  await db.insertInto('invitations').values(row).execute();
  return { token, expiresAt };
}

/** An invitation that still holds, for a machine of that name. Throws `invitation_invalid`. */
export async function readInvitation(db: Database, token: string, name: string): Promise<Invitation> {
  const row = await db
    .selectFrom('invitations')
    .selectAll()
    .where('hash', '=', hashToken(token))
    .executeTakeFirst();
  if (row === undefined) throw new Failure('invitation_invalid', 'This server knows no such invitation.');
  if (row.used_by !== null && row.used_by !== name) throw used();
  if (row.used_by === null && row.expires_at < new Date().toISOString()) {
    throw new Failure('invitation_invalid', `The invitation expired on ${row.expires_at}.`);
  }
  return row;
}

/** Uses it up. Throws `invitation_invalid` when another machine was faster. */
export async function takeInvitation(db: Database, hash: string, name: string): Promise<void> {
  const taken = await db
    .updateTable('invitations')
    .set({ used_by: name })
    .where('hash', '=', hash)
    .where('used_by', 'is', null)
    .executeTakeFirst();
  if (taken.numUpdatedRows === 0n) throw used();
}

function used(): Failure {
  return new Failure('invitation_invalid', 'The invitation was used by another machine.');
}
