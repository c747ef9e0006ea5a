import type { Source } from '../model/app.ts';
import type { Database } from './database.ts';

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
