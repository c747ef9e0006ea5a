import { AsyncLocalStorage } from 'node:async_hooks';
import type { Selectable } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** A write that was asked for with an `Idempotency-Key`, and what was answered. */
export type KeptWrite = Selectable<Tables['idempotency']>;

export type BegunWrite = Pick<KeptWrite, 'id' | 'actor' | 'request' | 'body_hash' | 'boot'>;

// Carries the write that was asked for to the transaction of the change, which knows nothing of keys.
const asked = new AsyncLocalStorage<string>();

/** Does what a write asks for; a change that calls `recordActed` in its transaction is never done unknown. */
export function rememberWrite<T>(id: string, act: () => Promise<T>): Promise<T> {
  return asked.run(id, act);
}

/** Notes in the transaction of a change that the write which asked for it is done, whatever is killed after. */
export async function recordActed(tx: Database): Promise<void> {
  const id = asked.getStore();
  if (id === undefined) return;
  await tx
    .updateTable('idempotency')
    .set({ state: 'acted' })
    .where('id', '=', id)
    .where('state', '=', 'begun')
    .execute();
}

/**
 * Writes down that a write begins, before anything is done; the one that has the key already, if there is one.
 * Durable when it resolves.
 */
export async function beginWrite(db: Database, begun: BegunWrite): Promise<KeptWrite | undefined> {
  const row = { ...begun, state: 'begun' as const, status: null, answer: null };
  const made = await db
    .insertInto('idempotency')
    .values({ ...row, begun_at: new Date().toISOString() })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (made.numInsertedOrUpdatedRows !== 0n) return undefined;
  return db.selectFrom('idempotency').selectAll().where('id', '=', begun.id).executeTakeFirst();
}

/** Keeps the answer; null for one that is never shown again. */
export async function endWrite(
  db: Database,
  id: string,
  { status, answer }: { readonly status: number; readonly answer: string | null },
): Promise<void> {
  await db.updateTable('idempotency').set({ state: 'done', status, answer }).where('id', '=', id).execute();
}

/** For a write that changed nothing: the key may be used again. */
export async function forgetWrite(db: Database, id: string): Promise<void> {
  await db.deleteFrom('idempotency').where('id', '=', id).execute();
}

/** Forgets what was begun before a time (ISO 8601). */
export async function forgetWrites(db: Database, before: string): Promise<void> {
  await db.deleteFrom('idempotency').where('begun_at', '<', before).execute();
}
