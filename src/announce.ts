import { channel } from 'node:diagnostics_channel';

const whole = ['intent', 'act', 'record'] as const;

/**
 * The steps of a deploy and the moments of each that are announced: when its intent is in the ledger, when it was
 * acted upon, when the outcome is in the ledger. Those that do all in one have fewer. At each of these moments a
 * process may be killed and nothing is lost, which test/integration/fault-a-kill-anywhere-ends-true.test.ts shows.
 */
export const steps = {
  /** Number reserved, hidden ref kept, deploy recorded. */
  receive: whole,
  /** First line written; its length recorded. */
  journal: ['act', 'record'],
  build: whole,
  /** The app's own tests in the built image; only of an app that has some. */
  check: whole,
  publish: whole,
  release: ['record'],
  /** The build lane leaves the deploy to the rollout lane. */
  'hand-over': ['record'],
  'release-command': whole,
  rollout: whole,
  /** Container recorded with its port, started. */
  start: ['intent', 'act'],
  probe: ['act'],
  /** Backends recorded, load balancer told. */
  switch: ['intent', 'act'],
  /** Asked through the load balancer, before the release counts as live. */
  smoke: whole,
  /** The release is the environment's. */
  'switch-release': ['record'],
  branch: ['act'],
  live: ['record'],
  /** Drained, stopped, forgotten. */
  retire: whole,
  /** The reason is recorded before anything is undone. */
  failure: ['record'],
  revert: whole,
} as const satisfies Record<string, readonly (typeof whole)[number][]>;

export type Step = keyof typeof steps;
export type MomentOf<S extends Step> = (typeof steps)[S][number];
/** Steps that have all three moments. */
export type WholeStep = { [S in Step]: (typeof steps)[S] extends typeof whole ? S : never }[Step];

/** Every announced moment, as `step:moment`. */
export const failpoints: readonly string[] = Object.entries(steps).flatMap(([step, moments]) =>
  moments.map((moment) => `${step}:${moment}`),
);

const announcements = channel('hawser:step');

/** Tells whoever listens in this process how far a deploy is; without a listener it costs nothing. */
export function announce<S extends Step>(step: S, moment: MomentOf<S>, deployId: number): void {
  if (announcements.hasSubscribers) announcements.publish({ step, moment, deployId });
}
