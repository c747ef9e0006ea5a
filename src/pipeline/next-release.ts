import { Failure } from '../failure.ts';
import type { Deploy } from '../model/deploy.ts';
import { planSettings } from '../publish/plan.ts';
import { findPlace } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { getRelease, type NewRelease } from '../store/releases.ts';
import { listDomains } from '../store/routes.ts';
import { readSettings } from '../store/settings.ts';

/**
 * The release of a deploy that builds nothing: a rollback brings an earlier one back whole, a promotion takes
 * another environment's image, a change takes the live image; both with the settings as they are now.
 */
export async function planNextRelease(deploy: Deploy, db: Database): Promise<NewRelease> {
  const { id, version: _version, ...from } = await getRelease(db, await findBase(deploy, db));
  const settings = await readSettings(db, deploy.environmentId);
  const next = {
    ...from,
    environmentId: deploy.environmentId,
    actor: deploy.actor,
    deployId: deploy.id,
    domains: await listDomains(db, deploy.environmentId),
  };
  if (deploy.kind === 'rollback') {
    const { processes } = planSettings(from, settings);
    const back = { rollbackOf: id, promotedFrom: null, imageDeployId: deploy.id };
    return { ...next, processes, releaseCommand: null, ...back };
  }
  const settled = { ...next, ...planSettings(from, settings) };
  if (deploy.kind === 'promote') {
    return { ...settled, rollbackOf: null, promotedFrom: id, imageDeployId: deploy.id };
  }
  return { ...settled, releaseCommand: null, rollbackOf: null, imageDeployId: from.imageDeployId };
}

/** A change goes on top of what is live when its turn comes. Throws `release_not_found`. */
async function findBase(deploy: Deploy, db: Database): Promise<number> {
  const place = deploy.kind === 'change' ? await findPlace(db, deploy.environmentId) : undefined;
  const base = place?.environment.currentReleaseId ?? deploy.fromReleaseId;
  if (base === null) throw new Failure('release_not_found', 'Nothing is live yet that could be changed.');
  return base;
}
