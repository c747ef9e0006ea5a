import type { Database } from './database.ts';

export async function findPin(db: Database, server: string): Promise<string | null> {
  const row = await db
    .selectFrom('pins')
    .select('fingerprint')
    .where('server', '=', server)
    .executeTakeFirst();
  return row?.fingerprint ?? null;
}

/** Pins a server's host key; an earlier pin is replaced. */
export async function pinHostKey(
  db: Database,
  server: string,
  fingerprint: string,
  actor: string,
): Promise<void> {
  const value = { server, fingerprint, trusted_at: new Date().toISOString(), trusted_by: actor };
  await db
    .insertInto('pins')
    .values(value)
    .onConflict((conflict) => conflict.column('server').doUpdateSet(value))
    .execute();
}
