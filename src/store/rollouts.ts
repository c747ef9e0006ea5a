import { Failure } from '../failure.ts';
import { type Deploy, hasEnded } from '../model/deploy.ts';
import type { Database } from './database.ts';
import { getDeploy } from './deploys.ts';

/** The step that a rollout is at counts as watched: it goes on to the next one. Throws like `abortRollout`. */
export async function continueRollout(db: Database, id: number): Promise<Deploy> {
  return changeWaiting(db, id, ({ progress }) => ({
    plan: JSON.stringify({ ...progress, isOver: true }),
    hold: null,
  }));
}

/** Asks a rollout to be taken back. Throws `already_finished`, `not_waiting` for one that is at no watched step. */
export async function abortRollout(db: Database, id: number, actor: string): Promise<Deploy> {
  return changeWaiting(db, id, () => ({
    stop_request: 'cancelled' as const,
    failure_message: `Aborted by ${actor}.`,
  }));
}

type Change =
  | { readonly plan: string; readonly hold: null }
  | { readonly stop_request: 'cancelled'; readonly failure_message: string };

async function changeWaiting(
  db: Database,
  id: number,
  planChange: (deploy: Deploy) => Change,
): Promise<Deploy> {
  return db.transaction().execute(async (tx) => {
    const deploy = await getDeploy(tx, id);
    if (hasEnded(deploy.state)) {
      throw new Failure('already_finished', `Deploy ${id} has ended: ${deploy.state}.`);
    }
    const isAtStep = deploy.progress !== null && !deploy.progress.isOver && deploy.switchedAt === null;
    if (deploy.state !== 'rolling_out' || !isAtStep || deploy.stopRequest !== null) {
      const state = deploy.state.replace('_', ' ');
      throw new Failure('not_waiting', `Deploy ${id} does not wait at a step of its rollout: ${state}.`);
    }
    await tx.updateTable('deploys').set(planChange(deploy)).where('id', '=', id).execute();
    return getDeploy(tx, id);
  });
}
