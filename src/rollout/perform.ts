import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { observeFleet } from '../fleet/observe.ts';
import { namesOf } from '../model/app.ts';
import type { ObservedServer } from '../model/container.ts';
import type { Release } from '../model/release.ts';
import { isHolding, listBackends, listContainers } from '../store/routes.ts';
import { clearServers } from './clear.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import { type Plan, planRollout, type Switch, type Wanted } from './plan.ts';
import { type Prepared, prepareServers } from './prepare.ts';
import { retireContainers } from './retire.ts';
import { performSwitch } from './switch.ts';
import { readCounters, recordProgress, type WatchedJob, watchStep } from './watch.ts';

const comeBackMs = 10_000;
const lookAgainMs = 500;
// Who does not answer soon must not keep the other servers from their old release; it is converged later.
export const briefLookMs = 3_000;

/** What is there and what is to be done about it. */
export type Outlook = { readonly plan: Plan; readonly world: readonly ObservedServer[] };

/** Looks at every server that an environment uses or used, and plans from what is seen. */
export async function observeAndPlan(
  job: Pick<RolloutJob, 'place' | 'signal'>,
  wanted: Wanted,
  drivers: RolloutDrivers,
  deadlineMs?: number,
): Promise<Outlook> {
  const environmentId = job.place.environment.id;
  const [routed, rows, holding] = await Promise.all([
    listBackends(drivers.db, environmentId),
    listContainers(drivers.db, environmentId),
    isHolding(drivers.db, environmentId),
  ]);
  const known = [...wanted.servers, ...rows.map((row) => row.server)];
  const servers = await drivers.fleet.readServers();
  const names = [...new Set(known)].filter((name) => Object.hasOwn(servers, name));
  const filter = { app: namesOf(job.place.app), env: wanted.env };
  const world = await observeFleet(drivers.fleet, names, filter, job.signal, deadlineMs);
  return { plan: planRollout(wanted, { servers: world, routed, holding, recorded: rows }), world };
}

/**
 * The same for a rollout that cannot do without some server: one that is out of reach gets 10 s to come back,
 * since an engine or a connection that starts again takes seconds.
 */
export async function awaitServersAndPlan(
  job: Pick<RolloutJob, 'place' | 'signal' | 'log'>,
  wanted: Wanted,
  drivers: RolloutDrivers,
): Promise<Outlook> {
  const late = AbortSignal.timeout(comeBackMs);
  const bounded = { ...job, signal: AbortSignal.any([job.signal, late]) };
  let outlook = await observeAndPlan(job, wanted, drivers, comeBackMs);
  const [blocked] = outlook.plan.blocked;
  if (blocked) job.log.warning(`Waiting for ${blocked.server}, it is out of reach: ${blocked.reason}`);
  while (outlook.plan.blocked.length > 0 && !late.aborted) {
    try {
      await pause(lookAgainMs, undefined, { signal: bounded.signal });
      outlook = await observeAndPlan(bounded, wanted, drivers);
    } catch (error) {
      job.signal.throwIfAborted();
      if (!late.aborted) throw error;
    }
  }
  return outlook;
}

/**
 * Prepare everywhere, then switch step by step. Nothing that a user sees changes before the first switch, but for
 * requests that are held while an app that cannot run twice is replaced. `held` when a step waits for a person.
 * Throws on the first failure, leaving what was switched to be reverted; `server_unreachable` before
 * anything was done.
 */
export async function performRollout(
  job: RolloutJob,
  { plan, world }: Outlook,
  drivers: RolloutDrivers,
): Promise<'done' | 'held'> {
  const blocked = plan.blocked[0];
  if (blocked) {
    throw new Failure('server_unreachable', `${blocked.server} is out of reach: ${blocked.reason}`);
  }
  for (const skipped of plan.skipped) {
    job.log.warning(`${skipped.server} is skipped, it is out of reach: ${skipped.reason}`);
  }
  const prepared = hasRelease(job) ? await prepareAll(job, { plan, world }, drivers) : new Map();
  // All may be switched in the ledger already, by one who was killed before the load balancer knew of it.
  if (plan.switches.length === 0) await drivers.applyRoutes(job.signal, job.place.environment.slot);
  for (const step of plan.switches) {
    if ((await takeStep(job, step, prepared, drivers)) === 'held') return 'held';
  }
  return 'done';
}

async function prepareAll(
  job: RolloutJob & { release: Release },
  { plan, world }: Outlook,
  drivers: RolloutDrivers,
): Promise<ReadonlyMap<string, Prepared>> {
  if (plan.clear !== null) {
    const servers = new Set(plan.start.map((container) => container.server));
    await clearServers(job, plan.clear, [...servers], drivers);
  }
  return prepareServers(job, plan, world, drivers);
}

/** One switch, and its watch where there is one. */
async function takeStep(
  job: RolloutJob,
  step: Switch,
  prepared: ReadonlyMap<string, Prepared>,
  drivers: RolloutDrivers,
): Promise<'over' | 'held'> {
  const before = isWatched(job, step) ? await readCounters(job, drivers) : null;
  if (isWatched(job, step)) await recordProgress(job, step, false, drivers);
  await performSwitch(job, step, drivers);
  for (const server of step.servers) job.log.detail(describeServer(server, prepared.get(server)));
  return isWatched(job, step) ? watchStep(job, step, before, drivers) : 'over';
}

/** A canary's shares always are; other steps that bring something new are when a time is given for it. */
function isWatched(job: RolloutJob, { share, servers }: Switch): job is WatchedJob {
  if (job.watch === null || job.release === null) return false;
  return share !== null || (servers.length > 0 && job.watch.bakeMs !== 0 && !job.watch.sharesOnly);
}

function describeServer(server: string, prepared: Prepared | undefined): string {
  if (prepared === undefined) return `${server}  in rotation`;
  const [pulled, healthy] = [prepared.pulledMs, prepared.healthyMs].map((ms) => `${(ms / 1000).toFixed(1)}s`);
  return `${server}  pulled ${pulled}  healthy ${healthy}  in rotation`;
}

function hasRelease(job: RolloutJob): job is RolloutJob & { release: Release } {
  return job.release !== null;
}

/** Drains, stops and removes what the plan leaves over. */
export async function performRetire(job: RolloutJob, plan: Plan, drivers: RolloutDrivers): Promise<void> {
  await retireContainers(job, plan.retire, drivers);
}

/**
 * Undoes a rollout that did not reach its end: what runs again is the release before, all of it at once, and
 * everything of the new one is removed.
 */
export async function performRevert(job: RolloutJob, before: Wanted, drivers: RolloutDrivers): Promise<void> {
  const back: Wanted = {
    ...before,
    strategy: {
      ...before.strategy,
      strategy: before.strategy.strategy === 'recreate' ? 'recreate' : 'all-at-once',
      onUnreachable: 'skip',
    },
  };
  const outlook = await observeAndPlan(job, back, drivers, briefLookMs);
  await performRollout(job, outlook, drivers);
  await performRetire(job, outlook.plan, drivers);
}
