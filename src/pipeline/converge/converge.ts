import { Failure } from '../../failure.ts';
import { observeFleet } from '../../fleet/observe.ts';
import type { DeployLog } from '../../log/deploy-log.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedServer } from '../../model/container.ts';
import type { RolloutDrivers, RolloutJob } from '../../rollout/drivers.ts';
import { listBringing, planPart } from '../../rollout/part.ts';
import { briefLookMs, type Outlook, performRetire, performRollout } from '../../rollout/perform.ts';
import { isEmpty } from '../../rollout/plan.ts';
import type { Place } from '../../store/apps.ts';
import { findPlace } from '../../store/apps.ts';
import { listUnfinished } from '../../store/deploys.ts';
import { recordEvent } from '../../store/events.ts';
import { forgetEnvironment } from '../../store/forget.ts';
import type { Lease } from '../../store/leases.ts';
import { forgetContainer, listBackends, listContainers } from '../../store/routes.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { removeTraces } from '../prune/prune.ts';
import { planTimes } from '../wanted.ts';
import { readDown } from './deaf.ts';
import { describeDrift } from './drift.ts';
import { compareWanted, type Drift, readWantedNow, type WantedNow } from './wanted-now.ts';

/**
 * Brings what runs in line with the live release on every server that can be reached: one that joined or came back,
 * a container that is gone or was changed by hand, what a killed worker left over. Of a destroyed app nothing is
 * to run.
 */
export async function converge(
  place: Place,
  lease: Lease,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  const now = await findPlace(drivers.db, place.environment.id);
  if (now === undefined) return;
  const should = await readWantedNow(now, drivers);
  // What a rollout in the middle runs beside the live release is meant, for as long as it may wait.
  if (should === undefined || (!now.destroyed && (await isRollingOut(now, drivers)))) return;
  const [world, down] = await Promise.all([
    observeAll(now, should, drivers, signal),
    readDown(drivers.rollout),
  ]);
  const drift = await compareWanted(now, should, { servers: world, down }, drivers, signal);
  if (!isEmpty(drift.plan)) {
    const job = toJob(now, should, { lease, drivers, signal });
    await mend(job, drift, world, drivers).catch((error) => tellUnmended(job, error, drivers));
  }
  for (const { server, name } of drift.gone) await forgetContainer(drivers.db, server, name);
  if (now.destroyed) await forgetDestroyed(now, world, drivers, signal);
}

/** True while a deploy of the environment is in the middle of its rollout, whoever it waits for. */
export async function isRollingOut(
  { environment }: Place,
  { db }: Pick<PipelineDrivers, 'db'>,
): Promise<boolean> {
  return (await listUnfinished(db, environment.id)).some(({ state }) => state === 'rolling_out');
}

/** The servers that an environment uses or used, and whatever of it is on others that answer soon. */
async function observeAll(
  { app, environment }: Place,
  { wanted }: WantedNow,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<readonly ObservedServer[]> {
  const { fleet, db } = drivers.rollout;
  const names = Object.keys(await fleet.readServers());
  const rows = await listContainers(db, environment.id);
  const isKnown = (name: string) =>
    wanted.servers.includes(name) || rows.some(({ server }) => server === name);
  const filter = { app: namesOf(app), env: wanted.env };
  const [known, others] = await Promise.all([
    observeFleet(fleet, names.filter(isKnown), filter, signal),
    observeFleet(
      fleet,
      names.filter((name) => !isKnown(name)),
      filter,
      signal,
      briefLookMs,
    ),
  ]);
  return [...known, ...others.filter((server) => server.reachable && server.containers.length > 0)];
}

async function mend(
  job: RolloutJob,
  drift: Drift,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
): Promise<void> {
  const { plan } = drift;
  const { app, environment } = job.place;
  const detail = describeDrift(drift);
  const unreachable = plan.skipped.map(({ server }) => server);
  drivers.log.info({ app: app.name, env: environment.name, detail, unreachable }, 'converging');
  if (plan.blocked.length === 0) await bring(job, { plan, world }, drivers.rollout);
  // The ledger's routes may have changed without a switch, as when an app is destroyed.
  if (plan.retire.length > 0) await drivers.rollout.applyRoutes(job.signal, environment.slot);
  await performRetire(job, plan, drivers.rollout);
  if (plan.blocked.length > 0 || detail === '') return;
  const event = { actor: 'hawser', action: 'servers:converge', detail };
  await recordEvent(drivers.db, { ...event, appId: app.id, env: environment.name });
}

/** A server on which it fails keeps no other one from what it lacks. Throws what failed first. */
async function bring(job: RolloutJob, { plan, world }: Outlook, drivers: RolloutDrivers): Promise<void> {
  try {
    await performRollout(job, { plan, world }, drivers);
  } catch (error) {
    const servers = listBringing(plan);
    if (!isUnmended(job, error) || servers.length < 2 || plan.clear !== null) throw error;
    const routed = await listBackends(drivers.db, job.place.environment.id);
    for (const server of servers) {
      const part = planPart(plan, server, routed);
      try {
        await performRollout(job, { plan: part, world }, drivers);
        await performRetire(job, part, drivers);
      } catch (again) {
        if (!isUnmended(job, again)) throw again;
      }
    }
    throw error;
  }
}

/** True for what may be otherwise at the next look. */
function isUnmended({ signal }: RolloutJob, error: unknown): error is Failure {
  return !signal.aborted && error instanceof Failure && error.code !== 'lease_lost';
}

/** What could not be mended is tried again at the next look; until then somebody may want to know why. */
function tellUnmended(job: RolloutJob, error: unknown, { log }: PipelineDrivers): void {
  if (!isUnmended(job, error)) throw error;
  const { place } = job;
  const { code, message, fix } = error;
  log.warn({ app: place.app.name, env: place.environment.name, code, error: message, fix }, 'not converged');
}

/** The last trace of a destroyed environment goes when every server that it used was seen to have nothing of it. */
async function forgetDestroyed(
  place: Place,
  world: readonly ObservedServer[],
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<void> {
  if (world.some((server) => !server.reachable)) return;
  if ((await listContainers(drivers.db, place.environment.id)).length > 0) return;
  await removeTraces(place, world, drivers, signal);
  await forgetEnvironment(drivers.db, place.environment.id);
}

type Held = { readonly lease: Lease; readonly drivers: PipelineDrivers; readonly signal: AbortSignal };

function toJob(place: Place, { release, settings }: WantedNow, { lease, drivers, signal }: Held): RolloutJob {
  return {
    place,
    deploy: { id: release?.deployId ?? 0, epoch: 0 },
    lease,
    release,
    ...planTimes(settings, release),
    watch: null,
    log: toServerLog(place, drivers),
    signal,
    laneSignal: signal,
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
