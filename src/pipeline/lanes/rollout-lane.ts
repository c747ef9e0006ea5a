import { setTimeout as pause } from 'node:timers/promises';
import { announce } from '../../announce.ts';
import { Failure } from '../../failure.ts';
import type { FailureCode } from '../../failure-catalogue.ts';
import type { Deploy } from '../../model/deploy.ts';
import type { Release } from '../../model/release.ts';
import {
  awaitServersAndPlan,
  briefLookMs,
  observeAndPlan,
  performRetire,
  performRevert,
  performRollout,
} from '../../rollout/perform.ts';
import { withReconnect } from '../../rollout/prepare.ts';
import { performReleaseCommand } from '../../rollout/release-command.ts';
import { findPlace } from '../../store/apps.ts';
import { advanceDeploy } from '../../store/deploys.ts';
import { getRelease, recordRelease, switchRelease } from '../../store/releases.ts';
import { listBackends, listContainers } from '../../store/routes.ts';
import { getSource } from '../../store/sources.ts';
import { planNextRelease, settleNextRelease } from '../accept/next-release.ts';
import { converge } from '../converge/converge.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { refuseRoot } from '../gates/image-user.ts';
import { startPreviewServices } from '../previews/preview-run.ts';
import { giveBack } from './give-back.ts';
import { endDeploy, type LaneWork, type Turn, toFailure } from './lane.ts';
import { type Context, readBefore, readContext } from './rollout-context.ts';
import { smokeProbe } from './smoke.ts';
import { performStep } from './step.ts';

/** The lane that brings a release to its servers: release command, rollout, live, retire. */
export function rolloutLane(drivers: PipelineDrivers): LaneWork {
  return {
    lane: 'rollout',
    advance: (turn) => bringLive(turn, drivers),
    settle: (place, lease, signal) => converge(place, lease, drivers, signal),
  };
}

async function bringLive(turn: Turn, drivers: PipelineDrivers): Promise<void> {
  const release = await findOrMakeRelease(turn, drivers);
  await turn.log.hideAnew();
  const context = await readContext(turn, release, drivers);
  if (turn.deploy.switchedAt === null) {
    if (turn.deploy.failureCode !== null && turn.deploy.stopRequest === null) {
      return failAndRevert(turn, context, restoreFailure(turn.deploy), drivers);
    }
    try {
      await refuseOlder(turn, release, drivers);
      if ((await releaseAndRollOut(turn, context, drivers)) === 'held') return;
    } catch (error) {
      return failAndRevert(turn, context, error, drivers);
    }
  }
  await finishLive(turn, release, drivers);
  await retire(context, drivers).catch((error) => {
    drivers.log.warn(
      { deploy: turn.deploy.id, error: error.message },
      'the old release is left to the upkeep',
    );
  });
}

/** A push made its release when it was built; the others make it here, from one that exists. */
async function findOrMakeRelease(turn: Turn, drivers: PipelineDrivers): Promise<Release> {
  const { deploy } = turn;
  const { db } = drivers;
  if (deploy.releaseId !== null) {
    await startPreviewServices(turn, drivers);
    return settleNextRelease(deploy, await getRelease(db, deploy.releaseId), drivers);
  }
  const release = await recordRelease(db, await planNextRelease(deploy, drivers));
  await advanceDeploy(db, deploy, { state: 'releasing', release_id: release.id });
  return release;
}

/** Order is by number: what a newer deploy made live is never replaced by an older one. */
async function refuseOlder({ place }: Turn, release: Release, { db }: PipelineDrivers): Promise<void> {
  const now = await findPlace(db, place.environment.id);
  const currentId = now?.environment.currentReleaseId ?? null;
  if (currentId === null) return;
  const current = await getRelease(db, currentId);
  if (release.imageDeployId < current.imageDeployId) {
    throw new Failure('superseded', `Deploy ${current.imageDeployId} is newer and live already.`);
  }
}

async function releaseAndRollOut(
  turn: Turn,
  { job, wanted }: Context,
  drivers: PipelineDrivers,
): Promise<'done' | 'held'> {
  const { deploy, log, signal } = turn;
  // Who asked for it is told by the watch only after a moment, in which nothing more is to be switched.
  if (deploy.stopRequest !== null) {
    throw new Failure(deploy.stopRequest, deploy.failureMessage ?? 'It was asked to stop.');
  }
  const outlook = await awaitServersAndPlan(job, wanted, drivers.rollout);
  const first = wanted.servers.find((name) =>
    outlook.world.some((seen) => seen.server === name && seen.reachable),
  );
  const ready = outlook.plan.blocked.length > 0 ? undefined : first;
  await refuseRootImage(job, ready, drivers);
  await performReleaseCommand(job, ready, drivers.rollout);
  signal.throwIfAborted();
  await advanceDeploy(drivers.db, deploy, { state: 'rolling_out' });
  const isBack = await giveBack(job, wanted, outlook, drivers);
  const newest = isBack ? await awaitServersAndPlan(job, wanted, drivers.rollout) : outlook;
  const count = wanted.servers.length;
  log.step(`Rolling out v${job.release.version} to ${count} ${count === 1 ? 'server' : 'servers'}`);
  const how = await performStep(turn, drivers, 'rollout', () => performRollout(job, newest, drivers.rollout));
  signal.throwIfAborted();
  if (how === 'held') return how;
  await performStep(turn, drivers, 'smoke', () => smokeProbe(job, wanted, drivers));
  await switchRelease(drivers.db, deploy, job.release);
  announce('switch-release', 'record', deploy.id);
  return how;
}

/** What goes out here may have been built for an environment that takes more. Throws `image_runs_as_root`. */
async function refuseRootImage(
  { place, release, signal }: Context['job'],
  server: string | undefined,
  drivers: PipelineDrivers,
): Promise<void> {
  const { name, requireNonRoot } = await readEnvironmentConfig(drivers, place.environment.name);
  if (!requireNonRoot || server === undefined) return;
  await withReconnect(signal, async () => {
    const connection = await drivers.rollout.fleet.connect(server, signal);
    const image = await drivers.rollout.bringImage(connection, release.image, signal);
    await refuseRoot(name, connection.docker, image);
  });
}

/** The cause is recorded before anything is undone, so that a kill in mid-revert ends in the same truth. */
async function failAndRevert(
  turn: Turn,
  context: Context,
  error: unknown,
  drivers: PipelineDrivers,
): Promise<void> {
  const { deploy, signal, log } = turn;
  const cause = signal.aborted ? signal.reason : error;
  const failure = toFailure(cause, deploy, drivers);
  if (failure.code === 'lease_lost' || failure.code === 'shutting_down') throw failure;
  await advanceDeploy(drivers.db, deploy, {
    failure_code: failure.code,
    failure_message: failure.message,
    failure_fix: failure.fix,
    hold: null,
  });
  announce('failure', 'record', deploy.id);
  log.warning(failure.message);
  const before = await readBefore(turn.place, drivers);
  log.step(
    before.release === null ? 'Taking it back' : `Taking it back: v${before.release.version} goes on serving`,
  );
  // A person's stop must not stop the way back; a shutdown or a lost lease still does.
  const undo = { ...context.job, release: before.release, watch: null, signal: turn.laneSignal };
  // Of a revert that is gone on with, only the record tells that it served before.
  const wasSwitched = deploy.progress !== null || (await isServing(turn, context.job.release, drivers));
  try {
    await performStep(turn, drivers, 'revert', () => performRevert(undo, before, drivers.rollout));
  } catch (undone) {
    turn.laneSignal.throwIfAborted();
    // What stays behind is converged as soon as it can be reached; the cause of the failure stays the first one.
    log.warning(`It could not be taken back everywhere yet: ${(undone as Error).message}`);
  }
  await endDeploy(deploy, failure, drivers, wasSwitched ? 'rolled_back' : 'failed');
}

/** True when a part of the traffic went to the release already. */
async function isServing({ deploy }: Turn, release: Release, { db }: PipelineDrivers): Promise<boolean> {
  const backends = await listBackends(db, deploy.environmentId);
  const containers = await listContainers(db, deploy.environmentId);
  const mine = containers.filter((container) => container.release_id === release.id);
  return backends.some((backend) => mine.some((container) => container.name === backend.name));
}

function restoreFailure(deploy: Deploy): Failure {
  const { failureCode, failureMessage, failureFix } = deploy;
  const options = failureFix === null ? {} : { fix: failureFix };
  return new Failure(failureCode as FailureCode, failureMessage ?? 'It failed.', options);
}

const branchTries = 10;

/** The branch moves only now. The release serves already, so a branch that cannot move does not fail it. */
async function finishLive(turn: Turn, release: Release, drivers: PipelineDrivers): Promise<void> {
  const { deploy, place, log } = turn;
  if (deploy.sourceId !== null && release.rollbackOf === null) {
    const source = await getSource(drivers.db, deploy.sourceId);
    for (let tries = 1; ; tries += 1) {
      try {
        await drivers.git.updateRef(place.app.id, source.ref, source.commit);
        announce('branch', 'act', deploy.id);
        break;
      } catch (error) {
        if (tries < branchTries) {
          await pause(200);
          continue;
        }
        log.warning(`${source.ref} could not be moved: ${(error as Error).message}`);
        break;
      }
    }
  }
  await advanceDeploy(drivers.db, deploy, { state: 'live' });
  announce('live', 'record', deploy.id);
  await drivers.journals.wake(deploy.id);
}

/** The old release is out of rotation; what is still in flight there ends before its containers do. */
async function retire({ job, wanted }: Context, drivers: PipelineDrivers): Promise<void> {
  const { keep } = await readBefore(job.place, drivers);
  const skipping = { ...wanted.strategy, onUnreachable: 'skip' as const };
  const left = { ...wanted, keep, progress: null, strategy: skipping };
  const { plan } = await observeAndPlan(job, left, drivers.rollout, briefLookMs);
  await performRetire(job, plan, drivers.rollout);
}
