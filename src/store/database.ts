import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { Failure } from '../failure.ts';
import { migrate } from './migrate.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

export type Ledger = { readonly db: Database; [Symbol.asyncDispose](): Promise<void> };

type Parameters = SqlValue[];
type SqlValue = null | number | bigint | string | NodeJS.ArrayBufferView;

/** Kysely's SQLite dialect wants this shape of a driver; a write transaction takes its lock at once. */
function adaptDriver(sqlite: DatabaseSync) {
  return {
    close: () => sqlite.close(),
    prepare(sql: string) {
      const statement = sqlite.prepare(sql === 'begin' ? 'begin immediate' : sql);
      return {
        reader: /^\s*(select|with|pragma)\b|\breturning\b/i.test(sql),
        all: (parameters: readonly unknown[]) => statement.all(...(parameters as Parameters)),
        run(parameters: readonly unknown[]) {
          const { changes, lastInsertRowid } = statement.run(...(parameters as Parameters));
          return { changes, lastInsertRowid };
        },
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as Parameters)) as IterableIterator<unknown>,
      };
    },
  };
}

/**
 * Opens the ledger and brings its schema up to date. Every commit is on disk when it returns
 * (WAL, `synchronous=FULL`). Throws `ledger_newer` and `ledger_broken`.
 */
export async function openLedger(file: string): Promise<Ledger> {
  const sqlite = openSqlite(file);
  const db: Database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: adaptDriver(sqlite) }) });
  await migrate(db);
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

function openSqlite(file: string): DatabaseSync {
  try {
    const sqlite = new DatabaseSync(file, { timeout: 10_000 });
    sqlite.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;');
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
