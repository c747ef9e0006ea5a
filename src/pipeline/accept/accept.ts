import { Failure } from '../../failure.ts';
import type { App, Environment } from '../../model/app.ts';
import { type Deploy, type DeployOptions, hasEnded } from '../../model/deploy.ts';
import { isPreviewName } from '../../model/names.ts';
import type { PushedDeploy } from '../../receive/push.ts';
import { isReleaseCommandUnknown, repeatFix } from '../../rollout/release-command.ts';
import { parseDomain } from '../../route/domain.ts';
import { defaultDomain } from '../../route/table.ts';
import { ensureEnvironment, findPlace } from '../../store/apps.ts';
import { findUnfinishedOfCommit, requestStop, reserveDeployId } from '../../store/deploys.ts';
import { getSource } from '../../store/sources.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { refuseNewPlace } from '../gates/gate.ts';
import { ensurePreview } from '../previews/preview.ts';
import { repeatChange } from './accept-change.ts';
import { type AcceptDrivers, queueDeploy } from './queue-deploy.ts';
import { findRollbackTarget, listRollbackWarnings, type RollbackWish } from './rollback-target.ts';

/** Records a push as a queued deploy. A push of a commit that is on its way already attaches to that deploy. */
export async function acceptPush(
  push: PushedDeploy,
  drivers: AcceptDrivers,
): Promise<{ deployId: number; attached: boolean }> {
  const { db } = drivers;
  const settings = await readEnvironmentConfig(drivers, push.environment);
  const where = { app: push.app, environment: { name: push.environment } };
  await refuseNewPlace(db, where, { kind: 'push', options: push.options, actor: push.actor });
  const environment = await ensurePlaceOf(push, drivers);
  const running = await findUnfinishedOfCommit(db, environment.id, push.commit);
  if (running) return { deployId: running.id, attached: true };
  await queueDeploy(
    drivers,
    { app: push.app, environment },
    {
      id: push.deployId,
      environmentId: environment.id,
      kind: 'push',
      actor: push.actor,
      options: push.options,
      source: {
        appId: push.app.id,
        ref: push.ref,
        commit: push.commit,
        previous: push.previous,
        author: push.author,
        message: push.message,
        actor: push.actor,
      },
      fromReleaseId: null,
      supersede: settings.supersede,
    },
  );
  return { deployId: push.deployId, attached: false };
}

function ensurePlaceOf(push: PushedDeploy, drivers: AcceptDrivers): Promise<Environment> {
  const { app, environment: name, ref } = push;
  if (isPreviewName(name)) return ensurePreview(app, { name, ref }, drivers);
  const domain = parseDomain(defaultDomain(drivers.config.domain, app.name, name));
  return ensureEnvironment(drivers.db, app, { name, domain });
}

/**
 * Records a rollback to a release, or to the one that was live before the current one; its log says what it does
 * not undo. Throws what `findRollbackTarget` throws.
 */
export async function acceptRollback(
  wanted: RollbackWish & { app: App; environment: Environment; actor: string },
  drivers: AcceptDrivers,
): Promise<Deploy> {
  const release = await findRollbackTarget(wanted.environment, wanted, drivers.db);
  const warnings = await listRollbackWarnings(release, drivers.db);
  return queueDeploy(
    drivers,
    wanted,
    {
      id: await reserveDeployId(drivers.db),
      environmentId: wanted.environment.id,
      kind: 'rollback',
      actor: wanted.actor,
      options: {},
      source: null,
      fromReleaseId: release.id,
      supersede: true,
    },
    warnings,
  );
}

/**
 * Runs an ended deploy again, as a new one that passes every gate anew; `given` is said of this one only. Throws
 * `not_finished`, `app_locked` and `frozen`.
 */
export async function acceptRetry(
  deploy: Deploy,
  actor: string,
  drivers: AcceptDrivers,
  given: Pick<DeployOptions, 'overrideFreeze' | 'repeatReleaseCommand'> = {},
): Promise<Deploy> {
  if (!hasEnded(deploy.state)) {
    throw new Failure('not_finished', `Deploy ${deploy.id} has not ended yet: ${deploy.state}.`);
  }
  const place = await findPlace(drivers.db, deploy.environmentId);
  if (place === undefined || place.destroyed) {
    throw new Failure('app_not_found', `The app of deploy ${deploy.id} does not exist any more.`);
  }
  if (deploy.kind === 'change') return repeatChange(deploy, place, { actor, ...given }, drivers);
  const source = deploy.sourceId === null ? null : await getSource(drivers.db, deploy.sourceId);
  const { supersede, approval } = await readEnvironmentConfig(drivers, place.environment.name);
  return queueDeploy(drivers, place, {
    id: await reserveDeployId(drivers.db),
    environmentId: deploy.environmentId,
    kind: deploy.kind,
    actor,
    options: { ...(await repeatOptions(deploy, given, drivers)), ...given },
    source,
    fromReleaseId: deploy.fromReleaseId,
    supersede,
    awaitsApproval: deploy.kind === 'promote' && approval !== 'none',
  });
}

/** What was a reason in an earlier freeze is none in this one. Throws `release_command_unknown`. */
async function repeatOptions(
  { id, options }: Deploy,
  { repeatReleaseCommand }: DeployOptions,
  { db }: AcceptDrivers,
): Promise<DeployOptions> {
  if (!repeatReleaseCommand && (await isReleaseCommandUnknown(db, id))) {
    throw new Failure(
      'release_command_unknown',
      `The release command of deploy ${id} was begun and nobody can tell how it ended; a retry runs it again.`,
      { fix: repeatFix(id) },
    );
  }
  const { overrideFreeze: _freeze, repeatReleaseCommand: _repeat, ...same } = options;
  return same;
}

/** Asks a deploy to stop: that build or rollout, and nothing else. Throws `already_finished`. */
export async function cancelDeploy(deploy: Deploy, actor: string, drivers: AcceptDrivers): Promise<Deploy> {
  const stopped = await requestStop(drivers.db, deploy.id, actor);
  // One that is held has no worker that would see it.
  if (stopped.hold === 'rollout') await drivers.touch('rollout', deploy.environmentId);
  return stopped;
}
