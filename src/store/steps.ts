import type { Database } from './database.ts';

export type StepRecord = {
  readonly outcome: 'begun' | 'done' | 'failed';
  readonly detail: string | null;
  readonly epoch: number;
};

/** Intent, recorded before the act. */
export async function beginStep(
  db: Database,
  deploy: { id: number; epoch: number },
  name: string,
  detail: string | null = null,
): Promise<void> {
  const value = {
    deploy_id: deploy.id,
    name,
    epoch: deploy.epoch,
    outcome: 'begun' as const,
    detail,
    begun_at: new Date().toISOString(),
    ended_at: null,
  };
  await db
    .insertInto('steps')
    .values(value)
    .onConflict((conflict) => conflict.columns(['deploy_id', 'name', 'epoch']).doUpdateSet(value))
    .execute();
}

/** Outcome, recorded after the act. */
export async function endStep(
  db: Database,
  deploy: { id: number; epoch: number },
  name: string,
  outcome: 'done' | 'failed',
  detail: string | null = null,
): Promise<void> {
  await db
    .updateTable('steps')
    .set({ outcome, detail, ended_at: new Date().toISOString() })
    .where('deploy_id', '=', deploy.id)
    .where('name', '=', name)
    .where('epoch', '=', deploy.epoch)
    .execute();
}

/** What is known of a step over all who ever held the deploy: done wins, then failed, then the first begun. */
export async function findStep(
  db: Database,
  deployId: number,
  name: string,
): Promise<StepRecord | undefined> {
  const rows = await db
    .selectFrom('steps')
    .select(['outcome', 'detail', 'epoch'])
    .where('deploy_id', '=', deployId)
    .where('name', '=', name)
    .orderBy('epoch')
    .execute();
  const rank = { done: 0, failed: 1, begun: 2 };
  return rows.sort((a, b) => rank[a.outcome] - rank[b.outcome])[0];
}

/** Steps of a deploy in the order they began, with their times: where the time went. */
export async function listSteps(db: Database, deployId: number) {
  return db.selectFrom('steps').selectAll().where('deploy_id', '=', deployId).orderBy('begun_at').execute();
}
