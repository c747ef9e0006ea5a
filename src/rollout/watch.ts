import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { RolloutProgress } from '../model/deploy.ts';
import { releaseName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import type { Verdict } from '../route/judge.ts';
import { advanceDeploy, getDeploy } from '../store/deploys.ts';
import type { RolloutDrivers, RolloutJob, WatchRules } from './drivers.ts';
import type { Switch } from './plan.ts';
import { addLook, beginTally, type Counters, judgeTally } from './tally.ts';

const lookMs = 500;
// How long a canary's share is looked at that has no time of its own: until it can be judged, and no longer.
const shortLookMs = 10_000;

export type WatchedJob = RolloutJob & { readonly release: Release; readonly watch: WatchRules };

/**
 * Watches a step that was taken until its time is over or a person goes on; `held` when it waits for one. A verdict
 * `bad` ends it at once: it throws `release_judged_bad`, or waits where nothing is to be reverted by itself.
 */
export async function watchStep(
  job: WatchedJob,
  step: Switch,
  before: Counters,
  drivers: RolloutDrivers,
): Promise<'over' | 'held'> {
  const { bakeMs, autoRollback } = job.watch;
  if (bakeMs === 'hold') return hold(job, step, drivers, `${describe(job, step)} is served`);
  const verdict = await bake(job, step, before, drivers);
  if (verdict?.verdict === 'bad') {
    const reason = `${describe(job, step)} is judged bad: ${verdict.reason}.`;
    if (autoRollback) throw new Failure('release_judged_bad', reason);
    job.log.warning(reason);
    return hold(job, step, drivers, 'It is not taken back by itself');
  }
  const how = verdict === null ? 'a person goes on' : tell(verdict);
  job.log.detail(`${describe(job, step)}: ${how}`);
  await recordProgress(job, step, true, drivers);
  return 'over';
}

/** How far the rollout is, before a step is taken and when its time is over. Throws `lease_lost`. */
export async function recordProgress(
  job: Pick<RolloutJob, 'deploy'>,
  { servers, share }: Switch,
  isOver: boolean,
  { db }: RolloutDrivers,
): Promise<void> {
  const progress: RolloutProgress = { servers, share, isOver };
  await advanceDeploy(db, job.deploy, { plan: JSON.stringify(progress) });
}

/** The counters now; a load balancer that is being started anew is asked again at the next look. */
export async function readCounters(
  job: Pick<RolloutJob, 'place' | 'log'>,
  drivers: RolloutDrivers,
): Promise<Counters> {
  try {
    return await drivers.traffic(job.place.environment.slot);
  } catch (error) {
    job.log.warning(`The load balancer's counters cannot be read: ${(error as Error).message}`);
    return null;
  }
}

/** The last verdict; null when a person went on before. */
async function bake(
  job: WatchedJob,
  step: Switch,
  before: Counters,
  drivers: RolloutDrivers,
): Promise<Verdict | null> {
  const { bakeMs } = job.watch;
  const isShort = bakeMs === 'hold' || bakeMs === 0;
  const limitMs = isShort ? shortLookMs : bakeMs;
  const end = performance.now() + limitMs;
  const { app, version } = job.release;
  const name = releaseName({ app, env: job.place.environment.name, release: version });
  let tally = beginTally(before, (backend) => backend.startsWith(`${name}-`));
  job.log.detail(`${describe(job, step)} is watched for ${isShort ? 'at most ' : ''}${limitMs / 1000} s`);
  for (;;) {
    await pause(Math.max(1, Math.min(lookMs, end - performance.now())), undefined, { signal: job.signal });
    if ((await getDeploy(drivers.db, job.deploy.id)).progress?.isOver) return null;
    tally = addLook(tally, await readCounters(job, drivers));
    const verdict = judgeTally(tally, job.watch.limits);
    const isKnown = verdict.verdict === 'bad' || (isShort && verdict.verdict === 'good');
    if (isKnown || performance.now() >= end) return verdict;
  }
}

/** Recorded first: from then on the deploy needs no worker until somebody decides. */
async function hold(
  job: WatchedJob,
  step: Switch,
  drivers: RolloutDrivers,
  why: string,
): Promise<'over' | 'held'> {
  const { id } = job.deploy;
  // Somebody may have decided while the step was taken.
  if ((await getDeploy(drivers.db, id)).progress?.isOver) return 'over';
  job.log.step(
    `${why}; it waits: hawser deploys:continue ${id} goes on, hawser deploys:abort ${id} takes it back`,
  );
  const progress: RolloutProgress = { servers: step.servers, share: step.share, isOver: false };
  await advanceDeploy(drivers.db, job.deploy, { hold: 'rollout', plan: JSON.stringify(progress) });
  return 'held';
}

function describe(job: WatchedJob, { share, servers }: Switch): string {
  const version = `v${job.release.version}`;
  return share === null ? `${version} on ${servers.join(', ')}` : `${version} at ${share}%`;
}

function tell({ verdict, reason }: Verdict): string {
  return verdict === 'unclear' ? `too little to judge it by (${reason}), it goes on` : `good, ${reason}`;
}
