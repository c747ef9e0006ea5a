import type { Server } from '../model/server.ts';
import type { Database } from './database.ts';

/** Servers that were added while Hawser ran, in the order in which they came. */
export async function listAddedServers(db: Database): Promise<readonly Server[]> {
  const rows = await db.selectFrom('servers').select('spec').orderBy('position').execute();
  return rows.map((row) => JSON.parse(row.spec));
}

/** Names of the servers that are being taken out, or are out. */
export async function listDrained(db: Database): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('drains').select('server').execute();
  return new Set(rows.map((row) => row.server));
}
