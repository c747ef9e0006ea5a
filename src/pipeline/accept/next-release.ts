import { type Deploy, makesImage } from '../../model/deploy.ts';
import type { Release } from '../../model/release.ts';
import { planSettings } from '../../publish/plan.ts';
import { findPlace } from '../../store/apps.ts';
import { readDesiredAt } from '../../store/changes.ts';
import type { Database } from '../../store/database.ts';
import { findReleaseOfDeploy, getRelease, type NewRelease, settleRelease } from '../../store/releases.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { nothingLive } from './accept-change.ts';
import { readSettled } from './outside-values.ts';

/**
 * The release of a deploy that builds nothing: a rollback brings an earlier one back whole, a promotion takes
 * another environment's image, a change takes the live image; both with what is set by then.
 * Throws `nothing_live`, `release_not_found` and what `readSettled` throws.
 */
export async function planNextRelease(
  deploy: Deploy,
  { db, config }: Pick<PipelineDrivers, 'db' | 'config'>,
): Promise<NewRelease> {
  const { id, version: _version, ...from } = await getRelease(db, await findBase(deploy, db));
  // A rollback has the values that its release had, wherever they came from.
  const { desired, outside } =
    deploy.kind === 'rollback'
      ? { desired: await readDesiredAt(db, deploy), outside: from.outside }
      : await readSettled(db, deploy, config);
  const next = {
    ...from,
    environmentId: deploy.environmentId,
    actor: deploy.actor,
    deployId: deploy.id,
    outside,
    domains: desired.domains,
  };
  if (deploy.kind === 'rollback') {
    const { processes } = planSettings(from, desired);
    const back = { rollbackOf: id, promotedFrom: null, imageDeployId: deploy.id };
    return { ...next, processes, releaseCommand: null, ...back };
  }
  const settled = { ...next, ...planSettings(from, desired) };
  if (deploy.kind === 'promote') {
    const { releaseCommand } = await findOrigin({ ...from, id }, db);
    return { ...settled, releaseCommand, rollbackOf: null, promotedFrom: id, imageDeployId: deploy.id };
  }
  return { ...settled, releaseCommand: null, rollbackOf: null, imageDeployId: from.imageDeployId };
}

/** A push or an image made its release when it was built: what was set while it waited for its turn goes out with it. */
export async function settleNextRelease(
  deploy: Deploy,
  release: Release,
  { db, config }: Pick<PipelineDrivers, 'db' | 'config'>,
): Promise<Release> {
  if (!makesImage(deploy) || deploy.state !== 'releasing') return release;
  const { desired, outside } = await readSettled(db, deploy, config);
  const settled = { ...planSettings(release, desired), outside, domains: desired.domains };
  return settleRelease(db, deploy, release, settled);
}

/** The release that came with the image: changes and rollbacks of it have no release command of their own. */
export async function findOrigin(release: Origin, db: Database): Promise<Origin> {
  if (release.rollbackOf !== null) return findOrigin(await getRelease(db, release.rollbackOf), db);
  if (release.imageDeployId === release.deployId) return release;
  const origin = await findReleaseOfDeploy(db, release.imageDeployId);
  return origin === undefined ? release : findOrigin(origin, db);
}

type Origin = Pick<Release, 'id' | 'rollbackOf' | 'imageDeployId' | 'deployId' | 'releaseCommand'>;

/** A change goes on top of what is live when its turn comes. */
async function findBase(deploy: Deploy, db: Database): Promise<number> {
  const place = deploy.kind === 'change' ? await findPlace(db, deploy.environmentId) : undefined;
  const base = place?.environment.currentReleaseId ?? deploy.fromReleaseId;
  if (base === null) throw nothingLive();
  return base;
}
