import { announce } from '../announce.ts';
import { Failure } from '../failure.ts';
import type { App, Environment } from '../model/app.ts';
import { type Deploy, hasEnded } from '../model/deploy.ts';
import { isPreviewName } from '../model/names.ts';
import type { Release } from '../model/release.ts';
import { positionOf } from '../queue/turn.ts';
import type { PushedDeploy } from '../receive/push.ts';
import { parseDomain } from '../route/domain.ts';
import { defaultDomain } from '../route/table.ts';
import { ensureEnvironment, findPlace } from '../store/apps.ts';
import {
  findUnfinishedOfCommit,
  getSource,
  listUnfinished,
  type NewDeploy,
  recordDeploy,
  requestStop,
  reserveDeployId,
} from '../store/deploys.ts';
import { recordJournal } from '../store/journals.ts';
import { findReleaseByVersion, getRelease, listReleases } from '../store/releases.ts';
import type { PipelineDrivers } from './drivers.ts';
import { readEnvironmentConfig } from './environment.ts';
import { ensurePreview } from './preview.ts';

export type AcceptDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'journals' | 'touch'>;

/** Records a push as a queued deploy. A push of a commit that is on its way already attaches to that deploy. */
export async function acceptPush(
  push: PushedDeploy,
  drivers: AcceptDrivers,
): Promise<{ deployId: number; attached: boolean }> {
  const { db } = drivers;
  const settings = await readEnvironmentConfig(drivers, push.environment);
  const environment = await ensurePlaceOf(push, drivers);
  const running = await findUnfinishedOfCommit(db, environment.id, push.commit);
  if (running) return { deployId: running.id, attached: true };
  await queueDeploy(drivers, push.app.name, environment, {
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
  });
  return { deployId: push.deployId, attached: false };
}

function ensurePlaceOf(push: PushedDeploy, drivers: AcceptDrivers): Promise<Environment> {
  const { app, environment: name, ref } = push;
  if (isPreviewName(name)) return ensurePreview(app, { name, ref }, drivers);
  const domain = parseDomain(defaultDomain(drivers.config.domain, app.name, name));
  return ensureEnvironment(drivers.db, app, { name, domain });
}

/**
 * Records a rollback to `version`, or to the release that was live before the current one.
 * Throws `release_not_found`, `release_never_live`, `already_live`.
 */
export async function acceptRollback(
  wanted: { app: App; environment: Environment; version: number | null; actor: string },
  drivers: AcceptDrivers,
): Promise<Deploy> {
  const release = await findRollbackTarget(wanted, drivers);
  return queueDeploy(drivers, wanted.app.name, wanted.environment, {
    id: await reserveDeployId(drivers.db),
    environmentId: wanted.environment.id,
    kind: 'rollback',
    actor: wanted.actor,
    options: {},
    source: null,
    fromReleaseId: release.id,
    supersede: true,
  });
}

async function findRollbackTarget(
  { environment, version }: { environment: Environment; version: number | null },
  { db }: AcceptDrivers,
) {
  const current =
    environment.currentReleaseId === null ? null : await getRelease(db, environment.currentReleaseId);
  if (version === null) return findReleaseBefore(db, environment, current);
  const release = await findReleaseByVersion(db, environment.id, version);
  if (release === undefined)
    throw new Failure('release_not_found', `${environment.name} has no release v${version}.`);
  if (release.wentLiveAt === null)
    throw new Failure('release_never_live', `Release v${version} was never live.`);
  if (release.id === current?.id) throw new Failure('already_live', `Release v${version} is the live one.`);
  return release;
}

/** What a rollback made counts as what it brought back, so that a second rollback goes one further. */
async function findReleaseBefore(
  db: AcceptDrivers['db'],
  environment: Environment,
  current: Release | null,
): Promise<Release> {
  let origin = current;
  while (origin !== null && origin.rollbackOf !== null) origin = await getRelease(db, origin.rollbackOf);
  const releases = await listReleases(db, environment.id, { before: origin?.version ?? 0, limit: 100 });
  const found = releases.find((release) => release.wentLiveAt !== null);
  if (found) return found;
  throw new Failure('release_not_found', `${environment.name} has no earlier release that was live.`);
}

/** Runs an ended deploy again, as a new one. Throws `not_finished`. */
export async function acceptRetry(deploy: Deploy, actor: string, drivers: AcceptDrivers): Promise<Deploy> {
  if (!hasEnded(deploy.state)) {
    throw new Failure('not_finished', `Deploy ${deploy.id} has not ended yet: ${deploy.state}.`);
  }
  const place = await findPlace(drivers.db, deploy.environmentId);
  if (place === undefined || place.destroyed) {
    throw new Failure('app_not_found', `The app of deploy ${deploy.id} does not exist any more.`);
  }
  const source = deploy.sourceId === null ? null : await getSource(drivers.db, deploy.sourceId);
  return queueDeploy(drivers, place.app.name, place.environment, {
    id: await reserveDeployId(drivers.db),
    environmentId: deploy.environmentId,
    kind: deploy.kind,
    actor,
    options: deploy.options,
    source,
    fromReleaseId: deploy.fromReleaseId,
    supersede: (await readEnvironmentConfig(drivers, place.environment.name)).supersede,
  });
}

/** Asks a deploy to stop: that build or rollout, and nothing else. Throws `already_finished`. */
export async function cancelDeploy(deploy: Deploy, actor: string, drivers: AcceptDrivers): Promise<Deploy> {
  return requestStop(drivers.db, deploy.id, actor);
}

async function queueDeploy(
  drivers: AcceptDrivers,
  app: string,
  environment: Environment,
  wanted: NewDeploy,
): Promise<Deploy> {
  const deploy = await recordDeploy(drivers.db, wanted);
  announce('receive', 'record', deploy.id);
  const position = positionOf(deploy.id, await listUnfinished(drivers.db, environment.id));
  await using journal = await drivers.journals.write(deploy.id);
  journal.step(`Queued deploy ${deploy.id} for ${app}/${environment.name} (${ordinal(position)} in line)`);
  announce('journal', 'act', deploy.id);
  await recordJournal(drivers.db, deploy.id, journal.size());
  announce('journal', 'record', deploy.id);
  await drivers.touch(wanted.kind === 'push' ? 'build' : 'rollout', environment.id);
  return deploy;
}

function ordinal(n: number): string {
  const suffix = { one: 'st', two: 'nd', few: 'rd', other: 'th', many: 'th', zero: 'th' };
  return `${n}${suffix[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)]}`;
}
