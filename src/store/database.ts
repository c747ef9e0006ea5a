import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import { Failure } from '../failure.ts';
import { type KeyLookups, openSeal, type WrappedKey } from '../secrets/data-keys.ts';
import type { MasterKeys } from '../secrets/master-key.ts';
import { migrate } from './migrate.ts';
import { keepDataKeys } from './sealed/data-keys.ts';
import { sealAll } from './sealed/seal-all.ts';
import { SealingDialect } from './sealed/sealing-dialect.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

export type Ledger = { readonly db: Database; [Symbol.asyncDispose](): Promise<void> };

type Parameters = SqlValue[];
type SqlValue = null | number | bigint | string | NodeJS.ArrayBufferView;

const mostPrepared = 500;

/** Most of what is asked is asked again, and preparing it costs more than asking. */
function openStatements(sqlite: DatabaseSync): (text: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (text) => {
    const statement = prepared.get(text) ?? sqlite.prepare(text);
    if (prepared.size >= mostPrepared) prepared.clear();
    prepared.set(text, statement);
    return statement;
  };
}

/** Kysely's SQLite dialect wants this shape of a driver; a write transaction takes its lock at once. */
function adaptDriver(sqlite: DatabaseSync) {
  const prepare = openStatements(sqlite);
  return {
    close: () => sqlite.close(),
    prepare(sql: string) {
      const statement = prepare(sql === 'begin' ? 'begin immediate' : sql);
      return {
        reader: /^\s*(select|with|pragma)\b|\breturning\b/i.test(sql),
        all: (parameters: readonly unknown[]) => statement.all(...(parameters as Parameters)),
        run(parameters: readonly unknown[]) {
          const { changes, lastInsertRowid } = statement.run(...(parameters as Parameters));
          return { changes, lastInsertRowid };
        },
        // Of its own: others may be asked before it has ended.
        iterate: (parameters: readonly unknown[]) =>
          sqlite.prepare(sql).iterate(...(parameters as Parameters)) as IterableIterator<unknown>,
      };
    },
  };
}

/**
 * Opens the ledger and brings its schema up to date. Every commit is on disk when it returns
 * (WAL, `synchronous=FULL`). Values that are not sealed yet, or under an older key, are sealed. Throws
 * `ledger_newer`, `ledger_broken` and `master_key_*`.
 */
export async function openLedger(file: string, masters: MasterKeys): Promise<Ledger> {
  const sqlite = openSqlite(file);
  const seal = openSeal(masters, lookUp(sqlite));
  const db: Database = new Kysely<Tables>({
    dialect: new SealingDialect({ database: adaptDriver(sqlite) }, seal),
  });
  try {
    await migrate(db);
    await keepDataKeys(db, masters);
    const wasPlain = await sealAll(db);
    if (wasPlain || !(await isClean(db))) await cleanFile(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** Noted in the file itself (`pragma user_version`): a start that was killed before it was clean is made good. */
const clean = 1;

async function isClean(db: Database): Promise<boolean> {
  const { rows } = await sql<{ user_version: number }>`pragma user_version`.execute(db);
  return rows[0]?.user_version === clean;
}

/** What was written in plain stays in free pages and in the write-ahead log until they are written anew. */
async function cleanFile(db: Database): Promise<void> {
  await sql`vacuum`.execute(db);
  const { rows } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db);
  // With a reader in its way the log is as it was: the next start does it again.
  if (rows[0]?.busy === 0) await sql.raw(`pragma user_version = ${clean}`).execute(db);
}

/** Prepared when they are first asked: before the migration there are no such tables. */
function lookUp(sqlite: DatabaseSync): KeyLookups {
  const prepare = (text: string) => {
    let statement: ReturnType<DatabaseSync['prepare']> | undefined;
    return () => {
      statement ??= sqlite.prepare(text);
      return statement;
    };
  };
  const wraps = prepare('select id, master, wrapped from data_keys where id = ?');
  const newest = prepare('select coalesce(max(id), 0) as id from data_keys');
  const app = prepare('select app_id from environments where id = ?');
  return {
    listWraps: (id) => wraps().all(id) as WrappedKey[],
    newestKey: () => Number(newest().get()?.id),
    findApp: (id) => app().get(id)?.app_id as string | undefined,
  };
}

function openSqlite(file: string): DatabaseSync {
  try {
    const sqlite = new DatabaseSync(file, { timeout: 10_000 });
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;');
    sqlite.exec('pragma secure_delete = on;');
    sqlite.prepare('select count(*) from sqlite_master').get();
    return sqlite;
  } catch (error) {
    throw new Failure('ledger_broken', `The ledger ${file} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** In the transaction that is open, or one of its own. */
export async function joinTransaction<T>(db: Database, act: (tx: Database) => Promise<T>): Promise<T> {
  return db.isTransaction ? act(db) : db.transaction().execute(act);
}
