import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Database } from '../../src/store/database.ts';
import { canary } from './hostile-words.ts';

export type Traces = {
  /** Fails when something was left since they were opened: a file, a row, a line of the log with a payload, a canary. */
  assertNone(): Promise<void>;
};

type Watched = {
  readonly db: Database | null;
  readonly folders: readonly string[];
  readonly logged: readonly unknown[];
  /** Of rows that a refusal may leave: what was asked, by whom. */
  readonly records?: readonly string[];
};

/** Remembers what there is, so that a refusal can be shown to have left nothing. */
export async function openTraces(watched: Watched): Promise<Traces> {
  const before = await look(watched);
  return {
    async assertNone() {
      assert.deepEqual(await look(watched), before);
      assertNoCanary();
      const told = watched.logged
        .map((entry) => JSON.stringify(entry))
        .filter((line) => line.includes(canary));
      assert.deepEqual(told, [], 'a payload is in the log');
    },
  };
}

export function assertNoCanary(): void {
  const found = readdirSync('/tmp').filter((name) => join('/tmp', name).startsWith(canary));
  assert.deepEqual(found, [], 'something of a payload was run');
}

async function look({ db, folders, records = [] }: Watched) {
  const files = folders.flatMap(listFiles).sort();
  return { files, rows: db === null ? {} : await countRows(db, records) };
}

/** All but what a store or git writes for itself; packs of refused refs go with the next sweep. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !/^ledger\.db-|\.sock$|^pack-/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function countRows(db: Database, records: readonly string[]): Promise<Record<string, number>> {
  const tables = (await db.introspection.getTables()).map(({ name }) => name);
  const counts: Record<string, number> = {};
  for (const table of tables.filter((name) => !records.includes(name))) {
    const rows = await db
      .selectFrom(table as never)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    counts[table] = Number((rows as { count: number }).count);
  }
  return counts;
}
