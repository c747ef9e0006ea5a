import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import { containerSpec } from '../fleet/container.ts';
import { removeContainer } from '../fleet/create.ts';
import { runOnce } from '../fleet/perform.ts';
import { containerName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import type { Database } from '../store/database.ts';
import { beginStep, endStep, findStep } from '../store/steps.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import { isLost, withReconnect } from './prepare.ts';
import { planVariables } from './variables.ts';

const stepName = 'release-command';
const tooLong = 'did not end in its time and was stopped';

type ReleaseJob = RolloutJob & { readonly release: Release };

/** One run of the command: where it is, whether it was begun, and whether its start may still have to be asked for. */
type Run = { readonly job: ReleaseJob; readonly server: string; isBegun: boolean; mayStart: boolean };

/**
 * Runs the release command once in the new image, on `server`, unless that cannot be asked. It is recorded as begun
 * between the creation of its container and the start, so that after a kill the outcome is looked up instead of the
 * command being run again. Throws `release_command_failed`, `release_command_timeout`, and `release_command_unknown`
 * when nobody can tell any more how a run ended.
 */
export async function performReleaseCommand(
  job: ReleaseJob,
  server: string | undefined,
  drivers: RolloutDrivers,
): Promise<void> {
  const command = job.release.releaseCommand;
  if (command === null) return;
  const known = await findStep(drivers.db, job.deploy.id, stepName);
  if (known?.outcome === 'done') return;
  if (known?.outcome === 'failed') throw toFailure(known.detail);
  // A run that an earlier holder began is the one to be looked up: same server, same container, same epoch.
  const isBegun = known?.outcome === 'begun';
  const epoch = isBegun ? known.epoch : job.deploy.epoch;
  const on = isBegun ? (known.detail ?? server) : server;
  if (on === undefined) return;
  job.log.step(`Release command: ${command.at(-1)}`);
  const run: Run = { job: { ...job, deploy: { ...job.deploy, epoch } }, server: on, isBegun, mayStart: true };
  await endRun(run, await findOutcome(run, drivers), drivers);
}

/** How a person says that an unknown outcome does not matter. */
export function repeatFix(deployId: number): string {
  return `See what it did, then hawser deploys:retry ${deployId} --repeat-release-command, which runs it again.`;
}

/** True when the release command of a deploy was begun and nobody knows how it ended. */
export async function isReleaseCommandUnknown(db: Database, deployId: number): Promise<boolean> {
  return (await findStep(db, deployId, stepName))?.outcome === 'begun';
}

async function endRun(run: Run, how: string | null, drivers: RolloutDrivers): Promise<void> {
  const { job, server } = run;
  announce('release-command', 'act', job.deploy.id);
  await endStep(drivers.db, job.deploy, stepName, how === null ? 'done' : 'failed', how ?? 'ended well');
  announce('release-command', 'record', job.deploy.id);
  const connection = await drivers.fleet.connect(server, job.signal);
  await removeContainer(connection, nameOf(job), job.signal);
  if (how !== null) throw toFailure(how);
}

/** Null when it ended well, otherwise how it ended. */
async function findOutcome(run: Run, drivers: RolloutDrivers): Promise<string | null> {
  try {
    const exit = await runWithPatience(run, drivers);
    if (exit.exitCode === 0) return null;
    return exit.oomKilled ? 'was out of memory' : `ended with exit code ${exit.exitCode}`;
  } catch (error) {
    run.job.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    if (error.code === 'run_timed_out') return tooLong;
    const isUnknown = run.isBegun && (isLost(error) || error.code === 'container_gone');
    if (!isUnknown) throw error;
    throw new Failure(
      'release_command_unknown',
      `The release command was begun on ${run.server} and nobody can tell how it ended: ${error.message}`,
      { cause: error, fix: repeatFix(run.job.deploy.id) },
    );
  }
}

/** A run that may take an hour is looked for once more when its server is lost in the middle. */
async function runWithPatience(run: Run, drivers: RolloutDrivers) {
  const attempt = () => withReconnect(run.job.signal, () => runOn(run, drivers));
  try {
    return await attempt();
  } catch (error) {
    if (run.isBegun && isLost(error)) return attempt();
    throw error;
  }
}

function toFailure(how: string | null): Failure {
  const code = how === tooLong ? 'release_command_timeout' : 'release_command_failed';
  return new Failure(code, `The release command ${how ?? 'failed'}.`);
}

async function runOn(run: Run, drivers: RolloutDrivers) {
  const { job, server } = run;
  const connection = await drivers.fleet.connect(server, job.signal);
  const image = await drivers.bringImage(connection, job.release.image, job.signal);
  const { environment } = job.place;
  const spec = containerSpec({
    wanted: {
      server,
      name: nameOf(job),
      app: job.release.app,
      env: environment.name,
      release: job.release.version,
      process: 'release',
      index: 1,
      port: null,
    },
    image,
    process: { type: 'release', command: job.release.releaseCommand, quantity: 1 },
    config: { ...planVariables(job.place, job.release), ...job.release.config },
    resources: job.release.resources,
    publish: null,
    deploy: job.deploy.id,
    epoch: job.deploy.epoch,
    restart: 'no',
    stopTimeoutMs: job.stopTimeoutMs,
  });
  return runOnce(connection, spec, {
    log: (line) => job.log.detail(line),
    timeoutMs: job.releaseTimeoutMs,
    signal: job.signal,
    leave: job.laneSignal,
    isBegun: run.isBegun,
    mayStart: run.mayStart,
    begin: async () => {
      run.mayStart = false;
      if (!run.isBegun) await beginStep(drivers.db, job.deploy, stepName, server);
      run.isBegun = true;
      announce('release-command', 'intent', job.deploy.id);
    },
  });
}

function nameOf(job: ReleaseJob): string {
  const { environment } = job.place;
  const { app, version } = job.release;
  return containerName({
    app,
    env: environment.name,
    release: version,
    process: 'release',
    index: 1,
  });
}
