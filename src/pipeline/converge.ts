import type { EnvironmentConfig } from '../config.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import { listGone } from '../rollout/gone.ts';
import { observeAndPlan, performRetire, performRollout } from '../rollout/perform.ts';
import { isEmpty } from '../rollout/plan.ts';
import type { Place } from '../store/apps.ts';
import { findPlace, forgetEnvironment } from '../store/apps.ts';
import { listUnfinished } from '../store/deploys.ts';
import type { Lease } from '../store/leases.ts';
import { getRelease } from '../store/releases.ts';
import { forgetContainer, listContainers } from '../store/routes.ts';
import { listKept } from './beside.ts';
import type { PipelineDrivers } from './drivers.ts';
import { findEnvironmentConfig } from './environment.ts';
import { removeTraces } from './prune.ts';
import { inOneGo, planTimes, planWanted } from './wanted.ts';

/**
 * Brings what runs in line with the live release on every server that can be reached: one that came back,
 * a container that is gone, what a killed worker left over. Of a destroyed app nothing is to run.
 */
export async function converge(
  place: Place,
  lease: Lease,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  const now = await findPlace(drivers.db, place.environment.id);
  if (now === undefined) return;
  const currentId = now.environment.currentReleaseId;
  const release = currentId === null ? null : await getRelease(drivers.db, currentId);
  const settings = await findSettings(now, drivers);
  // What a rollout in the middle runs beside the live release is meant, for as long as it may wait.
  if (settings === undefined || (!now.destroyed && (await isRollingOut(now, drivers)))) return;
  const skipping = { ...settings, rollout: { ...settings.rollout, onUnreachable: 'skip' as const } };
  const keep = await listKept(drivers.db, release, settings, Date.now());
  const wanted = inOneGo(planWanted(now, release, skipping, { keep }));
  const job = {
    place: now,
    deploy: { id: release?.deployId ?? 0, epoch: 0 },
    lease,
    release,
    ...planTimes(settings, release),
    watch: null,
    log: toServerLog(now, drivers),
    signal,
    laneSignal: signal,
  };
  const outlook = await observeAndPlan(job, wanted, drivers.rollout);
  if (!isEmpty(outlook.plan)) {
    drivers.log.info(
      { app: now.app.name, env: now.environment.name, ...summary(outlook.plan) },
      'converging',
    );
    if (outlook.plan.blocked.length === 0) await performRollout(job, outlook, drivers.rollout);
    // The ledger's routes may have changed without a switch, as when an app is destroyed.
    if (outlook.plan.retire.length > 0) await drivers.rollout.applyRoutes(signal);
    await performRetire(job, outlook.plan, drivers.rollout);
  }
  const rows = await listContainers(drivers.db, now.environment.id);
  for (const { server, name } of listGone(wanted, rows, outlook.world)) {
    await forgetContainer(drivers.db, server, name);
  }
  const complete = outlook.world.every((server) => server.reachable);
  if (!now.destroyed || !complete) return;
  if ((await listContainers(drivers.db, now.environment.id)).length > 0) return;
  await removeTraces(now, outlook.world, drivers, signal);
  await forgetEnvironment(drivers.db, now.environment.id);
}

/** True while a deploy of the environment is in the middle of its rollout, whoever it waits for. */
export async function isRollingOut({ environment }: Place, { db }: PipelineDrivers): Promise<boolean> {
  return (await listUnfinished(db, environment.id)).some(({ state }) => state === 'rolling_out');
}

/** An environment that the file no longer names is left as it is; of a destroyed app it is emptied. */
async function findSettings(place: Place, drivers: PipelineDrivers): Promise<EnvironmentConfig | undefined> {
  const settings = await findEnvironmentConfig(drivers, place.environment.name);
  if (!place.destroyed) return settings;
  const any = settings ?? Object.values(drivers.config.environments)[0];
  return any && { ...any, servers: [] };
}

function summary(plan: Awaited<ReturnType<typeof observeAndPlan>>['plan']) {
  return {
    start: plan.start.map((container) => `${container.server}/${container.name}`),
    retire: plan.retire.map((container) => `${container.server}/${container.name}`),
    unreachable: plan.skipped.map((skipped) => skipped.server),
  };
}

/** Nobody follows a convergence: what it says goes to the server's own log. */
function toServerLog(place: Place, { log }: PipelineDrivers): DeployLog {
  const fields = { app: place.app.name, env: place.environment.name };
  return {
    step: (text) => log.info(fields, text),
    detail: (text) => log.info(fields, text),
    result: (text) => log.info(fields, text),
    warning: (text) => log.warn(fields, text),
  };
}
