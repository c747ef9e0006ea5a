import type { Database } from '../database.ts';
import {
  openOptions,
  openRelease,
  openVariables,
  placeOf,
  resealSecret,
  sealOptions,
  sealRelease,
  sealVariables,
  whenIntact,
} from './sealed.ts';
import { sealOf } from './sealing-dialect.ts';

const batch = 200;

/** Seals a row anew; the key behind which the next batch begins, undefined after the last one. */
type SealBatch<Key> = (tx: Database, after: Key) => Promise<Sealed<Key>>;
type Sealed<Key> = { readonly last: Key | undefined; readonly wasPlain: boolean };

/**
 * Seals what is written in plain or under an older data key, in batches that can be killed and begun anew. Rows that
 * do not open stay as they are: whoever reads them is told. True when something was plain.
 */
export async function sealAll(db: Database): Promise<boolean> {
  const settings = await sealTable(db, sealSettings, '');
  const releases = await sealTable(db, sealReleases, 0);
  const deploys = await sealTable(db, sealDeploys, 0);
  await db.transaction().execute(sealSecrets);
  return settings || releases || deploys;
}

async function sealTable<Key>(db: Database, sealBatch: SealBatch<Key>, first: Key): Promise<boolean> {
  let wasPlain = false;
  let after: Key | undefined = first;
  while (after !== undefined) {
    const from: Key = after;
    const done: Sealed<Key> = await db.transaction().execute((tx) => sealBatch(tx, from));
    wasPlain ||= done.wasPlain;
    after = done.last;
  }
  return wasPlain;
}

async function sealSettings(tx: Database, after: string): Promise<Sealed<string>> {
  const sealed_by = sealOf(tx).current();
  const rows = await tx
    .selectFrom('settings')
    .selectAll()
    .where('sealed_by', '<', sealed_by)
    .where('environment_id', '>', after)
    .orderBy('environment_id')
    .limit(batch)
    .execute();
  const wasPlain = await sealRows(rows, {
    seal: (row) => ({ vars: sealVariables(tx, row.environment_id, openVariables(tx, row)), sealed_by }),
    write: ({ environment_id: id }, columns) =>
      tx.updateTable('settings').set(columns).where('environment_id', '=', id).execute(),
  });
  return { last: rows.at(-1)?.environment_id, wasPlain };
}

async function sealReleases(tx: Database, after: number): Promise<Sealed<number>> {
  const rows = await tx
    .selectFrom('releases')
    .select(['id', 'environment_id', 'version', 'config', 'defaults', 'sealed_by'])
    .where('sealed_by', '<', sealOf(tx).current())
    .where('id', '>', after)
    .orderBy('id')
    .limit(batch)
    .execute();
  const wasPlain = await sealRows(rows, {
    seal: (row) => sealRelease(tx, { ...row, environmentId: row.environment_id }, openRelease(tx, row)),
    write: ({ id }, columns) => tx.updateTable('releases').set(columns).where('id', '=', id).execute(),
  });
  return { last: rows.at(-1)?.id, wasPlain };
}

async function sealDeploys(tx: Database, after: number): Promise<Sealed<number>> {
  const rows = await tx
    .selectFrom('deploys')
    .select(['id', 'environment_id', 'options', 'sealed_by'])
    .where('sealed_by', '<', sealOf(tx).current())
    .where('id', '>', after)
    .orderBy('id')
    .limit(batch)
    .execute();
  const wasPlain = await sealRows(rows, {
    seal: (row) => sealOptions(tx, { ...row, environmentId: row.environment_id }, openOptions(tx, row)),
    write: ({ id }, columns) => tx.updateTable('deploys').set(columns).where('id', '=', id).execute(),
  });
  return { last: rows.at(-1)?.id, wasPlain };
}

/** Seals anew those that open; true when one of them was plain. */
async function sealRows<Row extends { readonly sealed_by: number }, Columns>(
  rows: readonly Row[],
  { seal, write }: { seal(row: Row): Columns; write(row: Row, columns: Columns): Promise<unknown> },
): Promise<boolean> {
  for (const row of rows) {
    const columns = whenIntact(() => seal(row));
    if (columns !== undefined) await write(row, columns);
  }
  return rows.some((row) => row.sealed_by === 0);
}

/** Webhooks, notifications and users are few: all at once. */
async function sealSecrets(tx: Database): Promise<void> {
  const anew = (what: string, sealed: string) => whenIntact(() => resealSecret(tx, what, sealed)) ?? sealed;
  const orNull = (what: string, sealed: string | null) => (sealed === null ? null : anew(what, sealed));
  for (const row of await tx.selectFrom('webhooks').selectAll().execute()) {
    const columns = {
      secret: anew(placeOf.webhook(row, 'secret'), row.secret),
      token: orNull(placeOf.webhook(row, 'token'), row.token),
      private_key: orNull(placeOf.webhook(row, 'private_key'), row.private_key),
    };
    if (differs(row, columns))
      await tx.updateTable('webhooks').set(columns).where('id', '=', row.id).execute();
  }
  for (const row of await tx.selectFrom('notifications').selectAll().execute()) {
    const { id, target, secret } = row;
    const columns = {
      target: anew(placeOf.notification(id, 'target'), target),
      secret: orNull(placeOf.notification(id, 'secret'), secret),
    };
    if (differs(row, columns))
      await tx.updateTable('notifications').set(columns).where('id', '=', row.id).execute();
  }
  for (const row of await tx.selectFrom('users').selectAll().execute()) {
    const { id, totp, totp_wanted } = row;
    const place = placeOf.user(id, 'totp');
    const columns = { totp: orNull(place, totp), totp_wanted: orNull(place, totp_wanted) };
    if (differs(row, columns)) await tx.updateTable('users').set(columns).where('id', '=', row.id).execute();
  }
}

function differs<Columns extends object>(row: Columns, columns: Columns): boolean {
  return Object.entries(columns).some(([name, value]) => row[name as keyof Columns] !== value);
}
