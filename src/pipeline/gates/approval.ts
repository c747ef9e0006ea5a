import { Failure } from '../../failure.ts';
import type { Deploy } from '../../model/deploy.ts';
import { type Approval, getOpenApproval, recordDecision } from '../../store/approvals.ts';
import { findPlace, type Place } from '../../store/apps.ts';
import { getDeploy } from '../../store/deploys.ts';
import { recordEvent } from '../../store/events.ts';
import { recordJournal } from '../../store/journals.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { findEnvironmentConfig } from '../environment.ts';
import { refuseWhenClosed } from './gate.ts';

type ApprovalDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'journals' | 'touch'>;

export type ApprovalWish = {
  readonly deploy: Deploy;
  readonly verdict: 'granted' | 'denied';
  readonly actor: string;
  readonly reason: string | null;
  /** Why a granted one goes out in spite of a freeze that began while it waited. */
  readonly overrideFreeze?: string | undefined;
};

/**
 * A waiting deploy goes on, or ends as failed. What is closed by now is closed for it too. Throws
 * `approval_not_waiting`, `approval_by_other`, `app_locked`, `frozen`.
 */
export async function decideApproval(wanted: ApprovalWish, drivers: ApprovalDrivers): Promise<Deploy> {
  const { deploy, verdict, actor, reason } = wanted;
  const place = await findPlace(drivers.db, deploy.environmentId);
  if (place === undefined) throw new Error(`deploy ${deploy.id} has no place`);
  const rule = (await findEnvironmentConfig(drivers, place.environment.name))?.approval ?? 'anyone';
  const now = new Date();
  await drivers.db.transaction().execute(async (tx) => {
    const asked = await getOpenApproval(tx, deploy.id);
    if (verdict === 'granted') {
      if (rule === 'other') refuseAsker(asked, actor, place);
      await refuseWhenClosed(tx, place, toQuestion(wanted), now);
    }
    await recordDecision(tx, deploy.id, { verdict, by: actor, reason });
    await recordEvent(tx, {
      actor,
      action: verdict === 'granted' ? 'approvals:grant' : 'approvals:deny',
      appId: place.app.id,
      env: place.environment.name,
      detail: `deploy ${deploy.id}${reason === null ? '' : `: ${reason}`}`,
    });
  });
  await tellDecision(wanted, drivers);
  return getDeploy(drivers.db, deploy.id);
}

function refuseAsker({ askedBy, deployId }: Approval, actor: string, { environment }: Place): void {
  if (askedBy !== actor) return;
  throw new Failure(
    'approval_by_other',
    `${actor} asked for deploy ${deployId}; ${environment.name} needs the approval of somebody else.`,
  );
}

function toQuestion({ deploy, actor, overrideFreeze }: ApprovalWish) {
  const options = overrideFreeze === undefined ? deploy.options : { ...deploy.options, overrideFreeze };
  return { kind: deploy.kind, options, actor };
}

async function tellDecision(
  { deploy, verdict, actor, reason }: ApprovalWish,
  { db, journals, touch }: ApprovalDrivers,
): Promise<void> {
  const why = reason === null ? '' : `: ${reason}`;
  await using journal = await journals.write(deploy.id);
  if (verdict === 'granted') journal.step(`Approved by ${actor}${why}`);
  else journal.warning(`Denied by ${actor}${why}`);
  await recordJournal(db, deploy.id, journal.size());
  await journals.wake(deploy.id);
  await touch('rollout', deploy.environmentId);
}
