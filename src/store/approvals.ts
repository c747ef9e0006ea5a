import { Failure } from '../failure.ts';
import type { Deploy } from '../model/deploy.ts';
import type { Database } from './database.ts';
import { advanceDeploy, getDeploy } from './deploys.ts';
import { recordDeployStates } from './events.ts';
import type { Tables } from './tables.ts';

export type Decision = {
  readonly verdict: 'granted' | 'denied';
  readonly by: string;
  readonly reason: string | null;
};

/** What was asked about a deploy, and what was answered. */
export type Approval = {
  readonly deployId: number;
  readonly environmentId: string;
  readonly askedBy: string;
  readonly askedAt: string;
  readonly decision: (Decision & { readonly at: string }) | null;
};

/** Inside the transaction that brings the deploy to where it waits: the row and the hold are never apart. */
export async function askApproval(
  tx: Database,
  { id, environmentId, actor }: Pick<Deploy, 'id' | 'environmentId' | 'actor'>,
): Promise<void> {
  await tx.updateTable('deploys').set({ hold: 'approval' }).where('id', '=', id).execute();
  const asked = { asked_by: actor, asked_at: new Date().toISOString() };
  await tx
    .insertInto('approvals')
    .values({ deploy_id: id, environment_id: environmentId, ...asked })
    .execute();
}

/**
 * The build lane leaves a built deploy to people instead of to the rollout lane. One that was asked to stop in
 * the meantime is not held. Throws `lease_lost`, `cancelled`, `superseded`.
 */
export async function holdForApproval(db: Database, deploy: Deploy, releaseId: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await advanceDeploy(tx, deploy, { state: 'releasing', release_id: releaseId });
    const { stopRequest, failureMessage } = await getDeploy(tx, deploy.id);
    if (stopRequest !== null) throw new Failure(stopRequest, failureMessage ?? 'It was asked to stop.');
    await askApproval(tx, deploy);
  });
}

/** The question that a deploy waits for. Throws `approval_not_waiting`. */
export async function getOpenApproval(db: Database, deployId: number): Promise<Approval> {
  const { state, hold, endedAt } = await getDeploy(db, deployId);
  const approval = await findApproval(db, deployId);
  if (approval !== undefined && hold === 'approval' && endedAt === null) return approval;
  const { decision } = approval ?? { decision: null };
  const decided = decision === null ? '' : `, ${decision.verdict} by ${decision.by}`;
  throw new Failure(
    'approval_not_waiting',
    `Deploy ${deployId} does not wait for approval: it is ${state.replace('_', ' ')}${decided}.`,
  );
}

/** Inside a transaction that has seen the open question: a granted deploy goes on, a denied one has failed. */
export async function recordDecision(tx: Database, deployId: number, decision: Decision): Promise<void> {
  const at = new Date().toISOString();
  const { verdict, by, reason } = decision;
  await tx
    .updateTable('approvals')
    .set({ decision: verdict, decided_by: by, decided_at: at, reason })
    .where('deploy_id', '=', deployId)
    .execute();
  const denied = { state: 'failed' as const, ended_at: at, failure_code: 'approval_denied' };
  const message = `Denied by ${by}: ${reason ?? 'no reason was given'}`;
  await tx
    .updateTable('deploys')
    .set({ hold: null, ...(verdict === 'denied' ? { ...denied, failure_message: message } : {}) })
    .where('id', '=', deployId)
    .execute();
  if (verdict === 'denied') await recordDeployStates(tx, [deployId]);
}

export async function findApproval(db: Database, deployId: number): Promise<Approval | undefined> {
  const row = await db
    .selectFrom('approvals')
    .selectAll()
    .where('deploy_id', '=', deployId)
    .executeTakeFirst();
  return row && toApproval(row);
}

/** Of some deploys, by their numbers. */
export async function readApprovals(
  db: Database,
  deployIds: readonly number[],
): Promise<ReadonlyMap<number, Approval>> {
  const rows = await db.selectFrom('approvals').selectAll().where('deploy_id', 'in', deployIds).execute();
  return new Map(rows.map((row) => [row.deploy_id, toApproval(row)]));
}

/** Open questions of some environments, the oldest first. */
export async function listOpenApprovals(
  db: Database,
  environmentIds: readonly string[],
): Promise<readonly Approval[]> {
  const rows = await db
    .selectFrom('approvals')
    .innerJoin('deploys', 'deploys.id', 'approvals.deploy_id')
    .selectAll('approvals')
    .where('approvals.environment_id', 'in', [...environmentIds, ''])
    .where('deploys.hold', '=', 'approval')
    .where('deploys.ended_at', 'is', null)
    .orderBy('deploy_id')
    .execute();
  return rows.map(toApproval);
}

function toApproval(row: Tables['approvals']): Approval {
  const { decision, decided_by: by, decided_at: at, reason } = row;
  return {
    deployId: row.deploy_id,
    environmentId: row.environment_id,
    askedBy: row.asked_by,
    askedAt: row.asked_at,
    decision: decision === null ? null : { verdict: decision, by: by ?? '', at: at ?? '', reason },
  };
}
