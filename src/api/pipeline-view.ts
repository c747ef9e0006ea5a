import type { EnvironmentConfig } from '../config.ts';
import { type Actor, allow } from '../model/access.ts';
import type { App } from '../model/app.ts';
import { describeDifference, diffReleases } from '../model/release-difference.ts';
import { type PromotionWish, readPromotion } from '../pipeline/accept/promote.ts';
import { orderStages } from '../pipeline/accept/promote-plan.ts';
import { listOpenApprovals } from '../store/approvals.ts';
import { findEnvironment } from '../store/apps.ts';
import { getRelease } from '../store/releases.ts';
import type { ApiDesk } from './desk.ts';

const mostCommits = 50;

/** Every environment of the file that the actor may see, behind those that it takes promotions from. */
export async function describePipeline(desk: ApiDesk, app: App, actor: Actor) {
  const all = orderStages(Object.values(desk.config.environments));
  const stages = all.filter(({ name }) => allow(actor, 'read', { app, env: name }));
  return { app: app.name, stages: await Promise.all(stages.map((stage) => describeStage(desk, app, stage))) };
}

async function describeStage({ db }: ApiDesk, app: App, stage: EnvironmentConfig) {
  const { name, promoteFrom, approval, branches, tags } = stage;
  const environment = await findEnvironment(db, app.id, name);
  const currentId = environment?.currentReleaseId ?? null;
  const release = currentId === null ? null : await getRelease(db, currentId);
  const open = environment === undefined ? [] : await listOpenApprovals(db, [environment.id]);
  return {
    env: name,
    promoteFrom,
    branches,
    tags,
    approval,
    release: release?.version ?? null,
    commit: release?.commit ?? null,
    message: release?.message ?? null,
    digest: release?.image.digest ?? null,
    wentLiveAt: release?.wentLiveAt ?? null,
    waiting: open.map((asked) => asked.deployId),
  };
}

/** What a promotion would bring to its environment; of variables only the names. */
export async function describePromotion(desk: ApiDesk, wish: PromotionWish & { app: App }) {
  const { route, proven, current, next, missing, extra } = await readPromotion(wish, desk);
  const difference = diffReleases(current, next);
  const { from = null, to = null } = difference.commit ?? {};
  const known = from !== null && to !== null;
  return {
    app: wish.app.name,
    from: { env: route.from, release: proven.version, commit: proven.commit },
    to: { env: route.to, release: current?.version ?? null, commit: current?.commit ?? null },
    digest: proven.image.digest,
    difference,
    changes: describeDifference(difference),
    missing,
    extra,
    commits: known ? await desk.listCommits(wish.app, from, to, mostCommits) : [],
    // What is live there and was never in the other one.
    undone: known ? await desk.listCommits(wish.app, to, from, mostCommits) : [],
  };
}
