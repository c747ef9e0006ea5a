import { planGiveBack } from '../../rollout/give-back.ts';
import type { Outlook } from '../../rollout/perform.ts';
import type { Wanted } from '../../rollout/plan.ts';
import { performSwitch } from '../../rollout/switch.ts';
import { listBackends } from '../../store/routes.ts';
import { findKept } from '../beside.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { type Context, findCurrent } from './rollout-context.ts';

/**
 * A rollback to the release that is kept beside the live one gives the requests back to it at once; the release that
 * the rollback makes takes its place afterwards like any other. True when it did.
 */
export async function giveBack(
  job: Context['job'],
  wanted: Wanted,
  { world }: Outlook,
  drivers: PipelineDrivers,
): Promise<boolean> {
  if (job.release.rollbackOf === null) return false;
  const settings = await readEnvironmentConfig(drivers, job.place.environment.name);
  const current = await findCurrent(job.place, drivers);
  const kept = await findKept(drivers.db, current, settings, Date.now());
  if (kept === null || kept.id !== job.release.rollbackOf) return false;
  const routed = await listBackends(drivers.db, job.place.environment.id);
  const step = planGiveBack(wanted, kept, { world, routed });
  if (step === null) return false;
  await performSwitch(job, step, drivers.rollout);
  job.log.detail(`v${kept.version} was kept and serves again, v${job.release.version} takes its place`);
  return true;
}
