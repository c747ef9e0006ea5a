import type { Selectable } from 'kysely';
import type { ForgeUpdate, HookPush, HookPushState } from '../model/webhook.ts';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

export type HookAnswer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

export type NewDelivery = {
  readonly webhookId: string;
  readonly delivery: string;
  readonly answer: HookAnswer;
  readonly updates: readonly ForgeUpdate[];
};

/** Keeps what a forge told, once; the same delivery again is answered as the first one was and does nothing. */
export async function recordDelivery(
  db: Database,
  { webhookId, delivery, answer, updates }: NewDelivery,
): Promise<{ answer: HookAnswer; isNew: boolean }> {
  const at = new Date();
  return db.transaction().execute(async (tx) => {
    const made = await tx
      .insertInto('hook_deliveries')
      .values({
        webhook_id: webhookId,
        delivery,
        answer: JSON.stringify(answer),
        received_at: at.toISOString(),
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (made.numInsertedOrUpdatedRows === 0n) {
      const known = await tx
        .selectFrom('hook_deliveries')
        .select('answer')
        .where('webhook_id', '=', webhookId)
        .where('delivery', '=', delivery)
        .executeTakeFirstOrThrow();
      return { answer: JSON.parse(known.answer), isNew: false };
    }
    for (const { ref, commit } of updates) {
      // What is told again of a ref before it was fetched is one fetch.
      await tx
        .deleteFrom('hook_pushes')
        .where('webhook_id', '=', webhookId)
        .where('ref', '=', ref)
        .where('state', '=', 'waiting')
        .where('attempts', '=', 0)
        .execute();
      await tx
        .insertInto('hook_pushes')
        .values({
          ...{ webhook_id: webhookId, delivery, ref, commit_oid: commit },
          ...{ state: 'waiting', attempts: 0, next_ms: at.getTime(), received_at: at.toISOString() },
        })
        .execute();
    }
    return { answer, isNew: true };
  });
}

/** What is to be fetched now: of each webhook the oldest, but of those that are busy nothing. */
export async function listDuePushes(
  db: Database,
  nowMs: number,
  { busy = [], limit = 20 }: { readonly busy?: readonly string[]; readonly limit?: number } = {},
): Promise<readonly HookPush[]> {
  const oldest = db
    .selectFrom('hook_pushes')
    .select((eb) => eb.fn.min('id').as('id'))
    .where('state', '=', 'waiting')
    .where('next_ms', '<=', nowMs)
    .where('webhook_id', 'not in', busy)
    .groupBy('webhook_id');
  const rows = await db
    .selectFrom('hook_pushes')
    .selectAll()
    .where('id', 'in', oldest)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(toPush);
}

/** Written before a try, so that a kill in the middle of it counts as one. */
export async function countAttempt(db: Database, id: number, nextMs: number): Promise<boolean> {
  const counted = await db
    .updateTable('hook_pushes')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), next_ms: nextMs }))
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  return counted.numUpdatedRows > 0n;
}

/** Makes what waits, and had fewer attempts than that, due at a time that is earlier than its own. */
export async function hastenPushes(db: Database, nowMs: number, mostAttempts: number): Promise<void> {
  await db
    .updateTable('hook_pushes')
    .set({ next_ms: nowMs })
    .where('state', '=', 'waiting')
    .where('next_ms', '>', nowMs)
    .where('attempts', '<', mostAttempts)
    .execute();
}

export type HookPushEnd = {
  readonly state: HookPushState;
  readonly deployId?: number | null;
  readonly code?: string | null;
  readonly detail?: string | null;
  /** What was fetched. */
  readonly commit?: string;
  /** When it is tried again. */
  readonly nextMs?: number;
};

export async function endPush(db: Database, id: number, end: HookPushEnd): Promise<void> {
  const { state, deployId = null, code = null, detail = null, commit, nextMs } = end;
  await db
    .updateTable('hook_pushes')
    .set({
      ...{ state, deploy_id: deployId, code, detail: detail?.slice(0, 500) ?? null },
      ...(commit === undefined ? {} : { commit_oid: commit }),
      ...(nextMs === undefined ? {} : { next_ms: nextMs }),
      ended_at: state === 'waiting' ? null : new Date().toISOString(),
    })
    .where('id', '=', id)
    .execute();
}

/** The newest first. */
export async function listHookPushes(
  db: Database,
  webhookId: string,
  limit: number,
): Promise<readonly HookPush[]> {
  const rows = await db
    .selectFrom('hook_pushes')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toPush);
}

/** Whether a commit of a ref was tried before, however it ended. */
export async function wasTried(
  db: Database,
  { webhookId, ref, id }: Pick<HookPush, 'webhookId' | 'ref' | 'id'>,
  commit: string,
): Promise<boolean> {
  const row = await db
    .selectFrom('hook_pushes')
    .select('id')
    .where('webhook_id', '=', webhookId)
    .where('ref', '=', ref)
    .where('commit_oid', '=', commit)
    .where('id', '!=', id)
    .where('state', '!=', 'waiting')
    .executeTakeFirst();
  return row !== undefined;
}

export async function forgetPush(db: Database, id: number): Promise<void> {
  await db.deleteFrom('hook_pushes').where('id', '=', id).execute();
}

/** The newest deploy of a commit of an app; null when there is none. */
export async function findDeployOfCommit(
  db: Database,
  appId: string,
  commit: string,
): Promise<number | null> {
  const row = await db
    .selectFrom('deploys')
    .innerJoin('sources', 'sources.id', 'deploys.source_id')
    .select('deploys.id')
    .where('sources.app_id', '=', appId)
    .where('sources.commit_oid', '=', commit)
    .orderBy('deploys.id', 'desc')
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Forgets what came before a time (ISO 8601) and is over. */
export async function forgetHookPushes(db: Database, before: string): Promise<void> {
  await db.deleteFrom('hook_deliveries').where('received_at', '<', before).execute();
  await db
    .deleteFrom('hook_pushes')
    .where('received_at', '<', before)
    .where('state', '!=', 'waiting')
    .execute();
}

function toPush(row: Selectable<Tables['hook_pushes']>): HookPush {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    delivery: row.delivery,
    ref: row.ref,
    commit: row.commit_oid,
    state: row.state as HookPushState,
    attempts: row.attempts,
    deployId: row.deploy_id,
    code: row.code,
    detail: row.detail,
    receivedAt: row.received_at,
    endedAt: row.ended_at,
  };
}
