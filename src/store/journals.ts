import type { Database } from './database.ts';

/** Writes down which deploys have a journal and how long it is, so that old ones are found. */
export async function recordJournal(db: Database, deployId: number, bytes: number): Promise<void> {
  const value = { deploy_id: deployId, bytes };
  await db
    .insertInto('journals')
    .values(value)
    .onConflict((conflict) => conflict.column('deploy_id').doUpdateSet(value))
    .execute();
}

/** Numbers of the deploys with a journal, up to one. */
export async function listJournals(db: Database, upTo: number): Promise<readonly number[]> {
  const rows = await db.selectFrom('journals').select('deploy_id').where('deploy_id', '<=', upTo).execute();
  return rows.map((row) => row.deploy_id);
}

export async function forgetJournal(db: Database, deployId: number): Promise<void> {
  await db.deleteFrom('journals').where('deploy_id', '=', deployId).execute();
}
