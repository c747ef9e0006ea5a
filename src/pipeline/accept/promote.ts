import { Failure } from '../../failure.ts';
import type { App, Environment } from '../../model/app.ts';
import type { Deploy } from '../../model/deploy.ts';
import type { Release } from '../../model/release.ts';
import { planSettings } from '../../publish/plan.ts';
import { parseDomain } from '../../route/domain.ts';
import { defaultDomain } from '../../route/table.ts';
import { ensureEnvironment, findEnvironment } from '../../store/apps.ts';
import { readDesired } from '../../store/changes.ts';
import type { Database } from '../../store/database.ts';
import { reserveDeployId } from '../../store/deploys.ts';
import { getRelease } from '../../store/releases.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { refuseNewPlace } from '../gates/gate.ts';
import { findOrigin } from './next-release.ts';
import { choosePromotion, compareNames, isSameCode, type Route, refuseMissing } from './promote-plan.ts';
import { type AcceptDrivers, queueDeploy } from './queue-deploy.ts';

/** What is to be promoted; null is what only one environment can be. */
export type PromotionWish = {
  readonly app: Pick<App, 'id' | 'name'>;
  readonly from: string | null;
  readonly to: string | null;
};

/** Both sides of a promotion as they are at one moment. */
export type Promotion = {
  readonly route: Route;
  /** What is live where it comes from. */
  readonly proven: Release;
  /** Where it goes; undefined when nothing was deployed there yet. */
  readonly environment: Environment | undefined;
  readonly current: Release | null;
  /** What would run there: the proven image with the settings of its new place. */
  readonly next: Pick<
    Release,
    'config' | 'outside' | 'processes' | 'domains' | 'image' | 'commit' | 'releaseCommand'
  >;
  /** Names of variables that only the one side has. */
  readonly missing: readonly string[];
  readonly extra: readonly string[];
};

/**
 * Reads a promotion in one transaction. Throws what `choosePromotion` throws and `nothing_to_promote`.
 */
export async function readPromotion(
  { app, from, to }: PromotionWish,
  { config, db }: Pick<AcceptDrivers, 'config' | 'db'>,
): Promise<Promotion> {
  const route = choosePromotion(Object.values(config.environments), { from, to });
  return db.transaction().execute(async (tx) => {
    const proven = await findLive(tx, await findEnvironment(tx, app.id, route.from));
    if (proven === null) {
      throw new Failure('nothing_to_promote', `Nothing of ${app.name} is live in ${route.from}.`);
    }
    const environment = await findEnvironment(tx, app.id, route.to);
    const desired =
      environment === undefined
        ? { vars: {}, scale: {}, domains: [defaultDomain(config.domain, app.name, route.to)] }
        : await readDesired(tx, environment.id);
    const { releaseCommand } = await findOrigin(proven, tx);
    const settled = { ...planSettings(proven, desired), outside: {}, domains: desired.domains };
    const next = { ...proven, ...settled, releaseCommand };
    const current = await findLive(tx, environment);
    return { route, proven, environment, current, next, ...compareNames(proven.config, next.config) };
  });
}

async function findLive(tx: Database, environment: Environment | undefined): Promise<Release | null> {
  const id = environment?.currentReleaseId ?? null;
  return id === null ? null : getRelease(tx, id);
}

export type PromotionRequest = PromotionWish & {
  readonly actor: string;
  /** The version that the asker has seen; another one in the meantime refuses it. */
  readonly expected: number | null;
  /** Why it cannot wait for the end of a freeze. */
  readonly overrideFreeze: string | undefined;
};

/**
 * Records the deploy of the image that is live in one environment to another. Nothing is built. Throws what
 * `readPromotion` throws, `promotion_outdated`, `already_live`, `config_key_missing`, `app_locked` and `frozen`.
 */
export async function acceptPromotion(wanted: PromotionRequest, drivers: AcceptDrivers): Promise<Deploy> {
  const { app, actor, overrideFreeze } = wanted;
  const promotion = await readPromotion(wanted, drivers);
  const { route, proven } = promotion;
  refusePromotion(promotion, wanted);
  const settings = await readEnvironmentConfig(drivers, route.to);
  const options = overrideFreeze === undefined ? {} : { overrideFreeze };
  const where = { app, environment: { name: route.to } };
  await refuseNewPlace(drivers.db, where, { kind: 'promote', options, actor });
  const domain = parseDomain(defaultDomain(drivers.config.domain, app.name, route.to));
  const environment = await ensureEnvironment(drivers.db, app, { name: route.to, domain });
  return queueDeploy(
    drivers,
    { app, environment },
    {
      id: await reserveDeployId(drivers.db),
      environmentId: environment.id,
      kind: 'promote',
      actor,
      options,
      source: null,
      fromReleaseId: proven.id,
      supersede: settings.supersede,
      awaitsApproval: settings.approval !== 'none',
    },
    [`Promotes ${route.from} v${proven.version}: ${proven.image.digest}`],
  );
}

function refusePromotion(
  { route, proven, current, missing }: Promotion,
  { app, expected }: PromotionRequest,
): void {
  if (expected !== null && proven.version !== expected) {
    throw new Failure(
      'promotion_outdated',
      `${route.from} is at v${proven.version} by now, not at v${expected}.`,
    );
  }
  if (current !== null && isSameCode(current, proven)) {
    throw new Failure(
      'already_live',
      `${route.to} v${current.version} has the image of ${route.from} v${proven.version} already.`,
    );
  }
  refuseMissing(missing, app.name, route);
}
