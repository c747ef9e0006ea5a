import { Failure } from '../../failure.ts';
import type { App, Environment } from '../../model/app.ts';
import type { DeployKind } from '../../model/deploy.ts';
import { applyChange, planChange, type WantedChange } from '../../model/settings-change.ts';
import { planRelease, planSettings } from '../../publish/plan.ts';
import { findPlace, type Place } from '../../store/apps.ts';
import { readDesired } from '../../store/changes.ts';
import type { Database } from '../../store/database.ts';
import { getRelease } from '../../store/releases.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import type { Proposal } from '../forecast/forecast.ts';
import { refuseWhenClosed } from '../gates/gate.ts';
import { repositoryOf } from '../wanted.ts';
import { checkWish, nothingLive } from './accept-change.ts';
import { allowImage, refuseUnproven } from './image-policy.ts';
import { readPromotion } from './promote.ts';
import { refuseMissing } from './promote-plan.ts';
import { proposeSource } from './propose-source.ts';
import { findRollbackTarget, listRollbackWarnings, type RollbackWish } from './rollback-target.ts';
import { readSource } from './take-commit.ts';
import { bareManifest } from './take-image.ts';

type Drivers = Pick<PipelineDrivers, 'config' | 'db' | 'git' | 'registry'>;

/** What can be asked for without a push. */
export type Wish =
  | { readonly kind: 'promote'; readonly from: string | null; readonly to: string | null }
  | { readonly kind: 'commit'; readonly environment: Environment; readonly commit: string }
  | { readonly kind: 'image'; readonly environment: Environment; readonly image: string }
  | ({ readonly kind: 'rollback'; readonly environment: Environment } & RollbackWish)
  | { readonly kind: 'change'; readonly environment: Environment; readonly wanted: WantedChange };

/** What a wish would deploy, with what would refuse it now. Throws what cannot be planned at all. */
export async function proposeWish(app: App, wish: Wish, actor: string, drivers: Drivers): Promise<Proposal> {
  const propose = {
    commit: proposeCommit,
    image: proposeImage,
    promote: proposePromotion,
    rollback: proposeRollback,
    change: proposeChange,
  };
  const proposal = await propose[wish.kind](app, wish as never, drivers);
  const refusals = await listRefusals(drivers.db, proposal.place, proposal.kind, actor);
  return { ...proposal, refusals: [...proposal.refusals, ...refusals] };
}

async function proposePromotion(
  app: App,
  { from, to }: Extract<Wish, { kind: 'promote' }>,
  drivers: Drivers,
): Promise<Proposal> {
  const { route, proven, environment, next, missing } = await readPromotion({ app, from, to }, drivers);
  const place = { app, environment: environment ?? imagineEnvironment(app, route.to) };
  const command = next.releaseCommand === null ? [] : [`release command: ${next.releaseCommand.at(-1)}`];
  return {
    place: asPlace(place),
    kind: 'promote',
    what: `promotion of ${route.from} v${proven.version}`,
    release: { ...proven, ...next, environmentId: place.environment.id, promotedFrom: proven.id },
    image: proven.image,
    gates: command,
    refusals: await listFailures(async () => refuseMissing(missing, app.name, route)),
  };
}

async function proposeCommit(
  app: App,
  { environment, commit }: Extract<Wish, { kind: 'commit' }>,
  drivers: Drivers,
): Promise<Proposal> {
  const settings = await readEnvironmentConfig(drivers, environment.name);
  const found = await readSource(app, commit, drivers);
  const proposal = await proposeSource(asPlace({ app, environment }), { ...found, actor: '' }, drivers);
  const refusals = await listFailures(async () => refuseUnproven(settings, 'commits'));
  return { ...proposal, what: `commit ${found.commit.slice(0, 7)}`, refusals };
}

/** What is in the image is seen when it is fetched. */
async function proposeImage(
  app: App,
  { environment, image }: Extract<Wish, { kind: 'image' }>,
  drivers: Drivers,
): Promise<Proposal> {
  const { config, db } = drivers;
  const settings = await readEnvironmentConfig(drivers, environment.name);
  const { name } = await allowImage(image, app, drivers);
  const desired = await readDesired(db, environment.id);
  return {
    place: asPlace({ app, environment }),
    kind: 'image',
    what: `image ${name}`,
    release: {
      ...planRelease({ manifest: bareManifest, exposedPorts: [], limits: config.limits, settings: desired }),
      ...{ outside: {}, domains: desired.domains, environmentId: environment.id, actor: '' },
      ...{ image: { repository: repositoryOf(app), digest: '' }, commit: null, author: null, message: name },
      ...{ rollbackOf: null, imageDeployId: 0, promotedFrom: null },
    },
    image: null,
    gates: ['fetch and publish'],
    refusals: await listFailures(async () => refuseUnproven(settings)),
  };
}

async function proposeRollback(
  app: App,
  { environment, ...wish }: Extract<Wish, { kind: 'rollback' }>,
  { db }: Drivers,
): Promise<Proposal> {
  const target = await findRollbackTarget(environment, wish, db);
  const { processes } = planSettings(target, await readDesired(db, environment.id));
  return {
    place: asPlace({ app, environment }),
    kind: 'rollback',
    what: `rollback to v${target.version}`,
    release: { ...target, processes, releaseCommand: null, rollbackOf: target.id },
    image: target.image,
    gates: [],
    refusals: await listRollbackWarnings(target, db),
  };
}

async function proposeChange(
  app: App,
  { environment, wanted }: Extract<Wish, { kind: 'change' }>,
  { db, config }: Drivers,
): Promise<Proposal> {
  const current = (await findPlace(db, environment.id))?.environment.currentReleaseId ?? null;
  if (current === null) throw nothingLive();
  const live = await getRelease(db, current);
  const now = await readDesired(db, environment.id);
  const next = applyChange(now, planChange(now, checkWish(wanted, config)));
  return {
    place: asPlace({ app, environment }),
    kind: 'change',
    what: 'change of settings',
    release: {
      ...live,
      ...planSettings(live, next),
      outside: {},
      domains: next.domains,
      releaseCommand: null,
    },
    image: live.image,
    gates: [],
    refusals: [],
  };
}

function asPlace(place: Pick<Place, 'app' | 'environment'>): Place {
  return { ...place, destroyed: false, appDestroyed: false };
}

/** An environment as the first deploy to it would make it. */
export function imagineEnvironment(app: Pick<App, 'id'>, name: string): Environment {
  return { id: '', appId: app.id, name, slot: 0, currentReleaseId: null, branch: null, maintenance: null };
}

/** Locks and freezes as they are now, in words. */
export function listRefusals(
  db: Database,
  place: Place,
  kind: DeployKind,
  actor: string,
): Promise<readonly string[]> {
  return listFailures(() => refuseWhenClosed(db, place, { kind, options: {}, actor }, new Date()));
}

async function listFailures(refuse: () => Promise<void>): Promise<readonly string[]> {
  try {
    await refuse();
    return [];
  } catch (error) {
    if (error instanceof Failure) return [error.message];
    throw error;
  }
}
