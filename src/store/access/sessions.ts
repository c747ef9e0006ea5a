import { randomBytes } from 'node:crypto';
import { hashToken, makeToken } from '../../model/token.ts';
import type { Database } from '../database.ts';
import type { Tables } from '../tables.ts';

const dayMs = 86_400_000;
/** From the login, whatever happens. */
const longestMs = 30 * dayMs;
/** Without being used. */
const idleMs = 7 * dayMs;
const noteEveryMs = 10 * 60_000;

/** Begins a session; its text is returned this once and kept only as a hash. */
export async function createSession(
  db: Database,
  userId: string,
): Promise<{ readonly token: string; readonly expiresAt: string }> {
  const token = makeToken();
  const now = Date.now();
  const expiresAt = new Date(now + longestMs).toISOString();
  await db.deleteFrom('sessions').where('expires_at', '<', new Date(now).toISOString()).execute();
  await db
    .insertInto('sessions')
    .values({
      id: `s${randomBytes(5).toString('hex')}`,
      hash: hashToken(token),
      user_id: userId,
      created_at: new Date(now).toISOString(),
      used_at: new Date(now).toISOString(),
      expires_at: expiresAt,
    })
    .execute();
  return { token, expiresAt };
}

/** A session that goes on, and that it is used; undefined for one that has ended or never was. */
export async function useSession(db: Database, token: string): Promise<Tables['sessions'] | undefined> {
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('hash', '=', hashToken(token))
    .executeTakeFirst();
  const now = Date.now();
  if (row === undefined || Date.parse(row.expires_at) < now) return undefined;
  const idle = now - Date.parse(row.used_at);
  if (idle > idleMs) return undefined;
  if (idle > noteEveryMs) {
    const used = { used_at: new Date(now).toISOString() };
    await db.updateTable('sessions').set(used).where('id', '=', row.id).execute();
  }
  return row;
}

export async function endSession(db: Database, id: string): Promise<boolean> {
  const gone = await db.deleteFrom('sessions').where('id', '=', id).executeTakeFirst();
  return gone.numDeletedRows > 0n;
}
