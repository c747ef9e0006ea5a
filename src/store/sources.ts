import type { Selectable } from 'kysely';
import type { Source } from '../model/app.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

/** Records what a push brought, and answers its number. */
export async function recordSource(tx: Database, source: Omit<Source, 'id' | 'createdAt'>): Promise<number> {
  const { id } = await tx
    .insertInto('sources')
    .values({
      app_id: source.appId,
      ref: source.ref,
      commit_oid: source.commit,
      previous_oid: source.previous,
      author: source.author,
      message: source.message,
      actor: source.actor,
      created_at: new Date().toISOString(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

export async function getSource(db: Database, id: number): Promise<Source> {
  const row = await db.selectFrom('sources').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return toSource(row);
}

/** By their numbers. */
export async function readSources(
  db: Database,
  ids: readonly number[],
): Promise<ReadonlyMap<number, Source>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('sources').selectAll().where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, toSource(row)]));
}

function toSource(row: Selectable<Tables['sources']>): Source {
  return {
    id: row.id,
    appId: row.app_id,
    ref: row.ref,
    commit: row.commit_oid,
    previous: row.previous_oid,
    author: row.author,
    message: row.message,
    actor: row.actor,
    createdAt: row.created_at,
  };
}
