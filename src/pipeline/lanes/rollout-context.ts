import type { EnvironmentConfig } from '../../config.ts';
import type { Deploy } from '../../model/deploy.ts';
import type { Release } from '../../model/release.ts';
import type { RolloutJob, WatchRules } from '../../rollout/drivers.ts';
import type { Wanted } from '../../rollout/plan.ts';
import { findPlace, type Place } from '../../store/apps.ts';
import { getRelease } from '../../store/releases.ts';
import { listKept } from '../beside.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { inOneGo, planTimes, planWanted } from '../wanted.ts';
import type { Turn } from './lane.ts';

/** All that a rollout goes by. */
export type Context = { readonly job: RolloutJob & { release: Release }; readonly wanted: Wanted };

/** What a deploy is to bring about, by the settings of its environment as they are now. */
export async function readContext(turn: Turn, release: Release, drivers: PipelineDrivers): Promise<Context> {
  const settings = await readEnvironmentConfig(drivers, turn.place.environment.name);
  const { deploy, place, lease, log, signal, laneSignal } = turn;
  const wanted = planWanted(place, release, settings, { progress: deploy.progress });
  const before = await findCurrent(place, drivers);
  const watch = before === null ? null : planWatch(settings, deploy);
  return {
    job: { deploy, place, lease, log, signal, laneSignal, release, watch, ...planTimes(settings, release) },
    wanted: deploy.kind === 'rollback' ? inOneGo(wanted) : wanted,
  };
}

/** What is to run as long as nothing else went live: the current release, and what is kept beside it. */
export async function readBefore(place: Place, drivers: PipelineDrivers): Promise<Wanted> {
  const settings = await readEnvironmentConfig(drivers, place.environment.name);
  const release = await findCurrent(place, drivers);
  const keep = await listKept(drivers.db, release, settings, Date.now());
  return planWanted(place, release, settings, { keep });
}

/** The release that is live now. */
export async function findCurrent({ environment }: Place, { db }: PipelineDrivers): Promise<Release | null> {
  const now = await findPlace(db, environment.id);
  const currentId = now?.environment.currentReleaseId ?? null;
  return currentId === null ? null : getRelease(db, currentId);
}

/** Who goes back is in a hurry, and knows the release: it is not tried out on a few first. */
function planWatch({ rollout }: EnvironmentConfig, { kind }: Deploy): WatchRules | null {
  if (kind === 'rollback') return null;
  const { bakeMs, autoRollback, maxErrorRate, maxLatencyMs, minRequests, strategy } = rollout;
  const limits = { maxErrorRate, maxLatencyMs, minRequests };
  return { bakeMs, autoRollback, limits, sharesOnly: strategy === 'canary' };
}
