import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import { containerSpec } from '../fleet/container.ts';
import { removeContainer } from '../fleet/create.ts';
import { runOnce } from '../fleet/perform.ts';
import { containerName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import { beginStep, endStep, findStep } from '../store/steps.ts';
import type { RolloutDrivers, RolloutJob } from './drivers.ts';
import { withReconnect } from './prepare.ts';
import { planVariables } from './variables.ts';

const stepName = 'release-command';
const timeoutMs = 3_600_000;

/**
 * Runs the release command once in the new image. Its container is kept until the outcome is recorded, so
 * that after a kill the outcome is looked up instead of the command being run again.
 * Throws `release_command_failed`.
 */
export async function performReleaseCommand(
  job: RolloutJob & { release: Release },
  server: string,
  drivers: RolloutDrivers,
): Promise<void> {
  const command = job.release.releaseCommand;
  if (command === null) return;
  const known = await findStep(drivers.db, job.deploy.id, stepName);
  if (known?.outcome === 'done') return;
  if (known?.outcome === 'failed') throw toFailure(known.detail);
  // A run that an earlier holder began is the one to be looked up: same server, same container, same epoch.
  const run = known?.outcome === 'begun' ? { ...job, deploy: { ...job.deploy, epoch: known.epoch } } : job;
  const on = known?.outcome === 'begun' ? (known.detail ?? server) : server;
  job.log.step(`Release command: ${command.at(-1)}`);
  await beginStep(drivers.db, run.deploy, stepName, on);
  announce('release-command', 'intent', job.deploy.id);
  const exit = await withReconnect(job.signal, () => runOn(run, on, drivers));
  announce('release-command', 'act', job.deploy.id);
  const outcome = exit.exitCode === 0 ? 'done' : 'failed';
  const how = exit.oomKilled ? 'was out of memory' : `ended with exit code ${exit.exitCode}`;
  await endStep(drivers.db, run.deploy, stepName, outcome, how);
  announce('release-command', 'record', job.deploy.id);
  const connection = await drivers.fleet.connect(on, job.signal);
  await removeContainer(connection, nameOf(job), job.signal);
  if (outcome === 'failed') throw toFailure(how);
}

function toFailure(how: string | null): Failure {
  return new Failure('release_command_failed', `The release command ${how ?? 'failed'}.`);
}

async function runOn(job: RolloutJob & { release: Release }, server: string, drivers: RolloutDrivers) {
  const connection = await drivers.fleet.connect(server, job.signal);
  const image = await drivers.bringImage(connection, job.release.image, job.signal);
  const { app, environment } = job.place;
  const spec = containerSpec({
    wanted: {
      server,
      name: nameOf(job),
      app: app.name,
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
    timeoutMs,
    signal: job.signal,
    leave: job.laneSignal,
  });
}

function nameOf(job: RolloutJob & { release: Release }): string {
  const { app, environment } = job.place;
  const { version } = job.release;
  return containerName({
    app: app.name,
    env: environment.name,
    release: version,
    process: 'release',
    index: 1,
  });
}
