import { randomUUID } from 'node:crypto';
import { Failure } from '../../failure.ts';
import type { DeployLog } from '../../log/deploy-log.ts';
import type { JournalWriter } from '../../log/journal.ts';
import type { Deploy } from '../../model/deploy.ts';
import { type Lane, nextTurn } from '../../queue/turn.ts';
import { findPlace, type Place } from '../../store/apps.ts';
import { advanceDeploy, findDeploy, holdDeploy, listUnfinished, nextEpoch } from '../../store/deploys.ts';
import { recordJournal } from '../../store/journals.ts';
import { claimLease, type Lease, releaseLease, renewLease } from '../../store/leases.ts';
import type { PipelineDrivers } from '../drivers.ts';

/** One deploy in the hands of a lane. The signal aborts on a stop request, a lost lease or a shutdown. */
export type Turn = {
  readonly deploy: Deploy;
  readonly place: Place;
  readonly lease: Lease;
  readonly log: DeployLog & Pick<JournalWriter, 'hideAnew'>;
  readonly signal: AbortSignal;
  /** Aborts on a lost lease or a shutdown only. */
  readonly laneSignal: AbortSignal;
};

export type LaneWork = {
  readonly lane: Lane;
  /** Works on one deploy until the lane has nothing more to do for it. */
  advance(turn: Turn): Promise<void>;
  /** When no deploy waits: brings what runs in line with what should. */
  settle?(place: Place, lease: Lease, signal: AbortSignal): Promise<void>;
};

const renewMs = 2_000;
const stopPollMs = 300;

/**
 * Works on an environment's deploys one by one until none is left for this lane. Does nothing when another
 * worker holds the lane; the ledger's lease, not the queue, keeps two from working at once.
 */
export async function runLane(
  work: LaneWork,
  environmentId: string,
  drivers: PipelineDrivers,
  shutdown: AbortSignal,
): Promise<void> {
  const lease = await claimLease(drivers.db, `${work.lane}:${environmentId}`);
  if (lease === null) return;
  using held = keepLease(drivers, lease);
  const signal = AbortSignal.any([shutdown, held.signal]);
  try {
    const place = await findPlace(drivers.db, environmentId);
    if (place === undefined) return;
    await takeTurns(work, { place, lease, signal }, drivers);
    if (!signal.aborted) await work.settle?.(place, lease, signal);
  } finally {
    await releaseLease(drivers.db, lease);
  }
}

type HeldLane = { readonly place: Place; readonly lease: Lease; readonly signal: AbortSignal };

async function takeTurns(work: LaneWork, held: HeldLane, drivers: PipelineDrivers): Promise<void> {
  const { place, lease, signal } = held;
  // Whoever stood still for long takes no new turn in a lane that is another's by now.
  while (!signal.aborted && (await renewLease(drivers.db, lease))) {
    const next = nextTurn(work.lane, await listUnfinished(drivers.db, place.environment.id));
    if (next === undefined) return;
    const epoch = await nextEpoch(drivers.db, place.environment.id);
    if (!(await holdDeploy(drivers.db, next.id, epoch))) continue;
    // Its app may have got another name since the last turn.
    const now = (await findPlace(drivers.db, place.environment.id)) ?? place;
    await takeTurn(work, { ...held, place: now }, { ...next, epoch }, drivers);
  }
}

async function takeTurn(
  work: LaneWork,
  { place, lease, signal: laneSignal }: HeldLane,
  deploy: Deploy,
  drivers: PipelineDrivers,
): Promise<void> {
  using stop = watchStopRequest(drivers, deploy.id);
  await using log = await drivers.journals.write(deploy.id);
  const signal = AbortSignal.any([laneSignal, stop.signal]);
  try {
    await work.advance({ deploy, place, lease, log, signal, laneSignal });
  } catch (error) {
    // A shutdown or a lost lease leaves the deploy where it is: whoever comes next goes on from there.
    if (laneSignal.aborted) return;
    await endDeploy(deploy, stop.signal.aborted ? stop.signal.reason : error, drivers);
  } finally {
    await recordJournal(drivers.db, deploy.id, log.size());
  }
}

/** Records how a deploy ended when it did not go live. */
export async function endDeploy(
  deploy: Deploy,
  error: unknown,
  drivers: PipelineDrivers,
  how: 'failed' | 'rolled_back' = 'failed',
): Promise<void> {
  if (error instanceof Failure && error.code === 'lease_lost') return;
  const failure = toFailure(error, deploy, drivers);
  const stopped = failure.code === 'cancelled' || failure.code === 'superseded';
  await advanceDeploy(drivers.db, deploy, {
    state: stopped ? (failure.code as 'cancelled' | 'superseded') : how,
    failure_code: failure.code,
    failure_message: failure.message,
    failure_fix: failure.fix,
  });
  await drivers.journals.wake(deploy.id);
}

/** A Failure as it is; anything else is a bug, logged with its stack under an id that the user sees. */
export function toFailure(
  error: unknown,
  deploy: Pick<Deploy, 'id'>,
  drivers: Pick<PipelineDrivers, 'log'>,
): Failure {
  if (error instanceof Failure) return error;
  const id = randomUUID().slice(0, 8);
  drivers.log.error(
    { deploy: deploy.id, id, stack: (error as Error)?.stack ?? String(error) },
    'internal error',
  );
  return new Failure('internal', `Something went wrong inside Hawser (${id}).`, { cause: error });
}

/** Renews a lease until it is disposed of; the signal aborts once somebody else took it. */
function keepLease(drivers: PipelineDrivers, lease: Lease): { signal: AbortSignal } & Disposable {
  const lost = new AbortController();
  const timer = setInterval(async () => {
    const mine = await renewLease(drivers.db, lease).catch(() => true);
    if (!mine) lost.abort(new Failure('lease_lost', `${lease.key} is held by a newer worker.`));
  }, renewMs);
  return { signal: lost.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Aborts when the ledger asks the deploy to stop, with the Failure that says who asked. */
function watchStopRequest(drivers: PipelineDrivers, deployId: number): { signal: AbortSignal } & Disposable {
  const stop = new AbortController();
  const look = async () => {
    // A ledger that is busy for a moment is asked again soon.
    const deploy = await findDeploy(drivers.db, deployId).catch(() => undefined);
    if (!deploy?.stopRequest || deploy.switchedAt !== null) return;
    stop.abort(new Failure(deploy.stopRequest, deploy.failureMessage ?? 'It was asked to stop.'));
  };
  const timer = setInterval(look, stopPollMs);
  void look();
  return { signal: stop.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
