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

const endStates: readonly DeployState[] = ['live', 'failed', 'rolled_back', 'cancelled', 'superseded'];

/**
 * What brought a deploy about: a push builds; an image was built elsewhere; a rollback and a promotion bring the image of a release that
 * exists; a change brings the live image with other settings.
 */
export const deployKinds = ['push', 'image', 'rollback', 'promote', 'change'] as const;
export type DeployKind = (typeof deployKinds)[number];

/** Whether a deploy brings an image to the registry, so that the build lane works on it first. */
export function makesImage({ kind }: { readonly kind: string }): boolean {
  return kind === 'push' || kind === 'image';
}

/** A deploy that waits for a person: for approval before its rollout, or in the middle of a rollout. */
export type DeployHold = 'approval' | 'rollout';

/** A value before and after a change; null where there was or will be none. */
export type ValueChange<T> = { readonly from: T | null; readonly to: T | null };

/** What people changed of an environment; a key whose two values are one was wished for as it was. */
export type SettingsChange = {
  readonly vars: Readonly<Record<string, ValueChange<string>>>;
  readonly scale: Readonly<Record<string, ValueChange<number>>>;
  readonly domains: Readonly<Record<string, ValueChange<true>>>;
  /** Process types that are stopped or started; left out for none. */
  readonly stopped?: Readonly<Record<string, ValueChange<true>>>;
};

/** What was asked for beside the commit. */
export type DeployOptions = {
  readonly noCache?: boolean;
  /** What a deploy of kind `image` brings, as an engine names it. */
  readonly image?: string;
  /** What a deploy of kind `change` brings; taken back when it fails. */
  readonly change?: SettingsChange;
  /** Why it goes out in spite of a freeze. */
  readonly overrideFreeze?: string;
  /** A release command whose outcome is unknown is run once more. */
  readonly repeatReleaseCommand?: boolean;
};

/** How far a rollout in steps has come. */
export type RolloutProgress = {
  /** Servers of the last step. */
  readonly servers: readonly string[];
  /** Percent of the requests that a canary has; null for a step that is no share. */
  readonly share: number | null;
  /** False while the step is still to be watched; whoever takes it up watches it from the beginning. */
  readonly isOver: boolean;
};

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
  readonly hold: DeployHold | null;
  /** Null before the first step that is watched. */
  readonly progress: RolloutProgress | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
};

/** True once nothing more will happen to a deploy. */
export function hasEnded(state: DeployState): boolean {
  return endStates.includes(state);
}

/** Where a deploy is, as people read it while they wait. */
export function nameProgress({ state, hold }: Pick<Deploy, 'state' | 'hold'>): string {
  if (hold === 'approval') return 'waiting for approval';
  return hold === 'rollout' ? 'held' : state.replace('_', ' ');
}
