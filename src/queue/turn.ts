import { type Deploy, makesImage } from '../model/deploy.ts';

/** The two lanes of an environment: one builds while the other rolls out. */
export type Lane = 'build' | 'rollout';

export const lanes: readonly Lane[] = ['build', 'rollout'];

const buildStates = ['building', 'testing', 'publishing'];

/**
 * Which of an environment's unfinished deploys a lane works on next, if any: what was begun before what
 * waits, the older before the newer. Order is by number, never by clock.
 */
export function nextTurn(lane: Lane, unfinished: readonly Deploy[]): Deploy | undefined {
  const inOrder = [...unfinished].sort((a, b) => a.id - b.id);
  return lane === 'build' ? nextBuild(inOrder) : nextRollout(inOrder);
}

function nextBuild(inOrder: readonly Deploy[]): Deploy | undefined {
  return inOrder.find(
    (deploy) => makesImage(deploy) && (deploy.state === 'queued' || buildStates.includes(deploy.state)),
  );
}

/**
 * What is ready goes, oldest first; a rollback does not wait for builds of pushes made before it. What waits
 * for approval is passed over; what waits in the middle of its rollout keeps the lane, but needs no turn.
 */
function nextRollout(inOrder: readonly Deploy[]): Deploy | undefined {
  const begun = inOrder.find((deploy) => deploy.state === 'rolling_out');
  if (begun !== undefined) return begun.hold === 'rollout' && begun.stopRequest === null ? undefined : begun;
  return inOrder.find((deploy) => deploy.hold === null && isReady(deploy, inOrder));
}

/** A change of settings goes on top of what was pushed before it, so it waits for that. */
function isReady(deploy: Deploy, inOrder: readonly Deploy[]): boolean {
  if (deploy.state === 'releasing') return true;
  if (deploy.state !== 'queued' || makesImage(deploy)) return false;
  return deploy.kind !== 'change' || !inOrder.some((other) => other.id < deploy.id && other.hold === null);
}

/**
 * How many deploys of the environment are before this one, itself included: 1 is the next.
 */
export function positionOf(deployId: number, unfinished: readonly Deploy[]): number {
  return unfinished.filter((deploy) => deploy.id <= deployId).length;
}
