import type { DeployState } from '../model/deploy.ts';
import type { Database } from './database.ts';

/** A commit whose forge may have to be told how its deploy does. */
export type HookReport = {
  readonly id: number;
  readonly webhookId: string;
  readonly commit: string;
  readonly deployId: number;
  readonly state: DeployState;
  readonly env: string;
  readonly reported: string;
  readonly reports: number;
};

/** Of webhooks that have a token, what came since (ISO 8601), the oldest first. */
export async function listReports(
  db: Database,
  since: string,
  mostReports: number,
): Promise<readonly HookReport[]> {
  const rows = await db
    .selectFrom('hook_pushes')
    .innerJoin('webhooks', 'webhooks.id', 'hook_pushes.webhook_id')
    .innerJoin('deploys', 'deploys.id', 'hook_pushes.deploy_id')
    .innerJoin('environments', 'environments.id', 'deploys.environment_id')
    .select(['hook_pushes.id', 'hook_pushes.webhook_id', 'hook_pushes.commit_oid', 'hook_pushes.reported'])
    .select(['hook_pushes.reports', 'deploys.id as deploy_id', 'deploys.state', 'environments.name as env'])
    .where('webhooks.token', 'is not', null)
    .where('hook_pushes.received_at', '>=', since)
    .where('hook_pushes.reports', '<', mostReports)
    .where('hook_pushes.reported', 'not in', ['success', 'failure'])
    .orderBy('hook_pushes.id')
    .limit(200)
    .execute();
  return rows.flatMap(({ commit_oid: commit, webhook_id: webhookId, deploy_id: deployId, ...row }) =>
    commit === null ? [] : [{ ...row, commit, webhookId, deployId }],
  );
}

/** Notes a try; `reported` is what the forge has taken, when it did. */
export async function recordReport(
  db: Database,
  id: number,
  tried: { readonly reported?: string; readonly reports: number },
): Promise<void> {
  await db.updateTable('hook_pushes').set(tried).where('id', '=', id).execute();
}
