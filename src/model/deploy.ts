/** Where a deploy is on its journey; the last five are ends. */
export const deployStates = [
  'queued',
  'building',
  'testing',
  'publishing',
  'releasing',
  'rolling_out',
  'live',
  'failed',
  'rolled_back',
  'cancelled',
  'superseded',
] as const;

export type DeployState = (typeof deployStates)[number];

export const endStates: readonly DeployState[] = ['live', 'failed', 'rolled_back', 'cancelled', 'superseded'];

/** What brought a deploy about: a push builds; the others bring a release that exists. */
export type DeployKind = 'push' | 'rollback' | 'converge';

/** What the pusher asked for beside the commit. */
export type DeployOptions = { readonly noCache?: boolean };

export type Deploy = {
  readonly id: number;
  readonly environmentId: string;
  readonly kind: DeployKind;
  readonly state: DeployState;
  readonly sourceId: number | null;
  /** The release that a rollback brings back. */
  readonly fromReleaseId: number | null;
  /** The release that this deploy made. */
  readonly releaseId: number | null;
  readonly epoch: number;
  readonly options: DeployOptions;
  readonly actor: string;
  /** Why it should stop, set by a person or by a newer deploy; the lane that holds it obeys. */
  readonly stopRequest: 'cancelled' | 'superseded' | null;
  readonly failureCode: string | null;
  readonly failureMessage: string | null;
  readonly failureFix: string | null;
  /** The point of no return: the new release has all the traffic. */
  readonly switchedAt: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
};

/** True once nothing more will happen to a deploy. */
export function hasEnded(state: DeployState): boolean {
  return endStates.includes(state);
}
