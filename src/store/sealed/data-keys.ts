import { Failure } from '../../failure.ts';
import { makeDataKey, unwrapDataKey, type WrappedKey, wrapDataKey } from '../../secrets/data-keys.ts';
import type { MasterKeys } from '../../secrets/master-key.ts';
import type { SealKey } from '../../secrets/seal.ts';
import type { Database } from '../database.ts';

/**
 * Sees that every data key is wrapped by the first master key, and that there is one: what a rotation that was killed
 * left undone is done. Throws `master_key_wrong` when the master keys are not those of this ledger.
 */
export async function keepDataKeys(db: Database, masters: MasterKeys): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const all = await tx.selectFrom('data_keys').select(['id', 'master', 'wrapped']).execute();
    if (all.length === 0) masters.ensure();
    const keys = masters.read();
    if (all.length === 0) await insertWrap(tx, wrapDataKey(1, makeDataKey(), firstOf(keys)));
    for (const id of new Set(all.map((wrap) => wrap.id))) {
      const wraps = all.filter((wrap) => wrap.id === id);
      const bytes = unwrapDataKey(wraps, keys);
      if (bytes === undefined) throw wrongKey(wraps);
      if (wraps.some((wrap) => wrap.master === firstOf(keys).id)) continue;
      await insertWrap(tx, wrapDataKey(id, bytes, firstOf(keys)));
    }
  });
}

/** A new data key, which seals everything from now on. */
export async function addDataKey(db: Database, masters: MasterKeys): Promise<number> {
  const master = firstOf(masters.read());
  return db.transaction().execute(async (tx) => {
    const { newest } = await tx
      .selectFrom('data_keys')
      .select((eb) => eb.fn.max('id').as('newest'))
      .executeTakeFirstOrThrow();
    const id = newest + 1;
    await insertWrap(tx, wrapDataKey(id, makeDataKey(), master));
    return id;
  });
}

/** Forgets what older master keys open; every data key is wrapped by the first one before that. */
export async function forgetOldMasters(db: Database, masters: MasterKeys): Promise<void> {
  const master = firstOf(masters.read());
  await keepDataKeys(db, masters);
  await db.deleteFrom('data_keys').where('master', '!=', master.id).execute();
}

/** The ids of the master keys that open the ledger, and the newest data key. */
export async function describeDataKeys(db: Database): Promise<{ masters: string[]; newest: number }> {
  const rows = await db.selectFrom('data_keys').select(['id', 'master']).execute();
  return {
    masters: [...new Set(rows.map((row) => row.master))],
    newest: Math.max(0, ...rows.map((row) => row.id)),
  };
}

async function insertWrap(tx: Database, wrap: WrappedKey): Promise<void> {
  await tx
    .insertInto('data_keys')
    .values({ ...wrap, created_at: new Date().toISOString() })
    .execute();
}

function firstOf(keys: readonly SealKey[]): SealKey {
  const [first] = keys;
  if (first === undefined) throw new Failure('master_key_missing', 'There is no master key.');
  return first;
}

function wrongKey(wraps: readonly WrappedKey[]): Failure {
  const masters = wraps.map((wrap) => wrap.master.slice(0, 6)).join(', ');
  return new Failure(
    'master_key_wrong',
    `The master key is not the one of this ledger, which was sealed under ${masters}….`,
    { fix: 'Bring your copy of that key back. Nothing else opens what is sealed.' },
  );
}
