import { sql } from 'kysely';
import type { MasterKeys } from '../../secrets/master-key.ts';
import { keyOf } from '../../secrets/seal.ts';
import type { Database } from '../database.ts';
import { addDataKey, describeDataKeys, forgetOldMasters, keepDataKeys } from './data-keys.ts';
import { sealAll } from './seal-all.ts';

/** What is sealed under which keys; never a key or a value. */
export type SecretsState = {
  /** The file of the master key; null when it comes from the environment or another file by `secrets.key`. */
  readonly file: string | null;
  /** Ids of the master keys that open the ledger; new values are sealed under the first. */
  readonly masters: readonly string[];
  readonly dataKey: number;
  /** Rows with values, and how many of them are still sealed under an older data key. */
  readonly sealed: number;
  readonly older: number;
};

export async function describeSecrets(db: Database, masters: MasterKeys): Promise<SecretsState> {
  const { masters: known, newest } = await describeDataKeys(db);
  const first = masters.read()[0]?.id ?? '';
  const counts = await Promise.all(
    (['settings', 'releases', 'deploys'] as const).map((table) =>
      db
        .selectFrom(table)
        .select((eb) => [
          eb.fn.countAll<number>().as('all'),
          eb.fn
            .sum<number | null>(eb.case().when('sealed_by', '<', newest).then(1).else(0).end())
            .as('older'),
        ])
        .executeTakeFirstOrThrow(),
    ),
  );
  const others = await listSealed(db);
  const older = others.filter((row) => row.some((sealed) => keyOf(sealed) !== `k${newest}`));
  return {
    file: masters.path,
    masters: [first, ...known.filter((id) => id !== first)],
    dataKey: newest,
    sealed: counts.reduce((sum, each) => sum + Number(each.all), others.length),
    older: counts.reduce((sum, each) => sum + Number(each.older ?? 0), older.length),
  };
}

/** What is sealed in each webhook, notification and user that has something. */
async function listSealed(db: Database): Promise<(readonly string[])[]> {
  const rows: (readonly (string | null)[])[] = [];
  for (const row of await db.selectFrom('webhooks').select(['secret', 'token', 'private_key']).execute())
    rows.push(Object.values(row));
  for (const row of await db.selectFrom('notifications').select(['target', 'secret']).execute())
    rows.push(Object.values(row));
  for (const row of await db.selectFrom('users').select(['totp', 'totp_wanted']).execute())
    rows.push(Object.values(row));
  return rows.map((row) => row.filter((one) => one !== null)).filter((row) => row.length > 0);
}

/**
 * A new master key and a new data key, and everything sealed anew under them. Killed at any line, the next start of any
 * process goes on. Throws `master_key_*`.
 */
export async function rotateSecrets(db: Database, masters: MasterKeys): Promise<void> {
  masters.rotate();
  await keepDataKeys(db, masters);
  await addDataKey(db, masters);
  await sealAll(db);
}

/** Older master keys open nothing in the ledger any more, nor in its write-ahead log. */
export async function retireSecrets(db: Database, masters: MasterKeys): Promise<void> {
  await sealAll(db);
  await forgetOldMasters(db, masters);
  masters.retire();
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
}
