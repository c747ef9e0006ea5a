import type { Deploy } from '../../model/deploy.ts';
import { findPlace } from '../../store/apps.ts';
import { recordEvent } from '../../store/events.ts';
import { abortRollout, continueRollout } from '../../store/rollouts.ts';
import type { AcceptDrivers } from '../accept/queue-deploy.ts';

/**
 * Lets a rollout go on from the step that it is held at or watched at. Throws `already_finished` and `not_waiting`.
 */
export async function continueDeploy(deploy: Deploy, actor: string, drivers: AcceptDrivers): Promise<Deploy> {
  const going = await continueRollout(drivers.db, deploy.id);
  await tell('deploys:continue', going, actor, drivers);
  return going;
}

/** Has such a rollout taken back. The same errors. */
export async function abortDeploy(deploy: Deploy, actor: string, drivers: AcceptDrivers): Promise<Deploy> {
  const going = await abortRollout(drivers.db, deploy.id, actor);
  await tell('deploys:abort', going, actor, drivers);
  return going;
}

async function tell(
  action: string,
  deploy: Deploy,
  actor: string,
  { db, touch }: AcceptDrivers,
): Promise<void> {
  const place = await findPlace(db, deploy.environmentId);
  const { share, servers } = deploy.progress ?? { share: null, servers: [] };
  const step = share === null ? servers.join(', ') : `${share}%`;
  await recordEvent(db, {
    actor,
    action,
    appId: place?.app.id ?? null,
    env: place?.environment.name ?? null,
    detail: `deploy ${deploy.id} at ${step}`,
  });
  await touch('rollout', deploy.environmentId);
}
