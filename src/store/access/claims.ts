import { Failure } from '../../failure.ts';
import { hashToken, makeToken } from '../../model/token.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';

/** What a one-time token is for: to make the first owner, or to set the first password of a user. */
export type ClaimPurpose = 'setup' | 'invitation';

const lifeMs: Readonly<Record<ClaimPurpose, number>> = { setup: 60 * 60_000, invitation: 3 * 86_400_000 };

/** Makes a one-time token; those of before for the same are worth nothing. Its text is returned this once. */
export async function createClaim(
  db: Database,
  wanted: { readonly purpose: ClaimPurpose; readonly userId: string | null; readonly actor: string },
): Promise<{ readonly token: string; readonly expiresAt: string }> {
  const { purpose, userId, actor } = wanted;
  const token = makeToken();
  const now = Date.now();
  const expiresAt = new Date(now + lifeMs[purpose]).toISOString();
  const before = db.deleteFrom('claims').where('purpose', '=', purpose).where('used_at', 'is', null);
  await (userId === null ? before : before.where('user_id', '=', userId)).execute();
  await db
    .insertInto('claims')
    .values({
      hash: hashToken(token),
      purpose,
      user_id: userId,
      created_by: actor,
      created_at: new Date(now).toISOString(),
      expires_at: expiresAt,
      used_at: null,
    })
    .execute();
  return { token, expiresAt };
}

/** Whether it still holds, without using it up: nothing slow is done for who has none. Throws `claim_invalid`. */
export async function checkClaim(db: Database, purpose: ClaimPurpose, token: string): Promise<void> {
  const row = await db
    .selectFrom('claims')
    .select('hash')
    .where('hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', new Date().toISOString())
    .executeTakeFirst();
  if (row === undefined) throw claimInvalid();
}

/** Uses it up: of two who come at once one gets it. Throws `claim_invalid`, the same for whatever is wrong. */
export async function takeClaim(
  tx: Database,
  purpose: ClaimPurpose,
  token: string,
): Promise<Tables['claims']> {
  const now = new Date().toISOString();
  const row = await tx
    .updateTable('claims')
    .set({ used_at: now })
    .where('hash', '=', hashToken(token))
    .where('purpose', '=', purpose)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
  if (row !== undefined) return row;
  throw claimInvalid();
}

function claimInvalid(): Failure {
  return new Failure('claim_invalid', 'The one-time token is not known here, was used, or has expired.');
}
