import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import { hasEnded } from '../model/deploy.ts';
import type { Release } from '../model/release.ts';
import { describeDifference, diffReleases } from '../model/release-difference.ts';
import { describeChange } from '../model/settings-change.ts';
import { findPlace } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { findDeploy } from '../store/deploys.ts';
import { findLiveBefore, getRelease } from '../store/releases.ts';
import type { ApiDesk } from './desk.ts';

const mostCommits = 50;

/** A release as the API shows it; of its config only the names, since values may be secrets. */
export async function describeRelease(db: Database, release: Release, currentId: number | null) {
  const deploy = await findDeploy(db, release.deployId);
  const origin = release.rollbackOf === null ? null : await getRelease(db, release.rollbackOf);
  return {
    version: release.version,
    current: release.id === currentId,
    outcome: outcomeOf(release, deploy, currentId),
    kind: deploy?.kind ?? 'push',
    what: await describeOrigin(db, release, deploy),
    image: release.image,
    config: Object.keys(release.config).sort(),
    processes: release.processes,
    domains: release.domains,
    releaseCommand: release.releaseCommand,
    port: release.port,
    commit: release.commit,
    author: release.author,
    message: release.message,
    actor: release.actor,
    deploy: release.deployId,
    overrideFreeze: deploy?.options.overrideFreeze ?? null,
    rollbackOf: origin?.version ?? null,
    createdAt: release.createdAt,
    wentLiveAt: release.wentLiveAt,
  };
}

/** The same with what is other than in the release that was live before it, and why it failed. */
export async function describeReleaseWhole(
  desk: ApiDesk,
  app: App,
  release: Release,
  currentId: number | null,
) {
  const { db } = desk;
  const before = await findLiveBefore(db, release);
  const difference = diffReleases(before ?? null, release);
  const deploy = await findDeploy(db, release.deployId);
  const { failureCode = null, failureMessage = null, failureFix = null, endedAt = null } = deploy ?? {};
  const { from = null, to = null } = difference.commit ?? {};
  return {
    ...(await describeRelease(db, release, currentId)),
    endedAt,
    failure: failureCode === null ? null : { code: failureCode, message: failureMessage, fix: failureFix },
    before: before?.version ?? null,
    difference,
    changes: before === undefined ? [] : describeDifference(difference),
    commits: from === null || to === null ? [] : await desk.listCommits(app, from, to, mostCommits),
  };
}

function outcomeOf(release: Release, deploy: Deploy | undefined, currentId: number | null): string {
  if (release.id === currentId) return 'live';
  if (release.wentLiveAt !== null) return 'was live';
  if (deploy === undefined) return 'never live';
  if (!hasEnded(deploy.state)) return deploy.state.replace('_', ' ');
  return deploy.state === 'failed' || deploy.state === 'rolled_back' ? 'failed' : 'never live';
}

/** What brought it about, in a few words: `push`, `rollback to v3`, `config: +A ~B`. */
async function describeOrigin(db: Database, release: Release, deploy: Deploy | undefined): Promise<string> {
  if (release.rollbackOf !== null) {
    return `rollback to v${(await getRelease(db, release.rollbackOf)).version}`;
  }
  if (deploy?.kind === 'change') {
    const { change } = deploy.options;
    return (change && describeChange(change)) || 'restart';
  }
  if (deploy?.kind === 'image') return `image ${deploy.options.image}`;
  if (release.promotedFrom === null) return 'push';
  const proved = await getRelease(db, release.promotedFrom);
  const place = await findPlace(db, proved.environmentId);
  return `promoted from ${place?.environment.name ?? 'an environment that is gone'} v${proved.version}`;
}
