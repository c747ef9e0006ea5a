import { observeFleet } from '../../fleet/observe.ts';
import { namesOf } from '../../model/app.ts';
import type { ObservedServer } from '../../model/container.ts';
import { makesImage } from '../../model/deploy.ts';
import type { Image, Release } from '../../model/release.ts';
import { diffReleases } from '../../model/release-difference.ts';
import { findImageSize } from '../../publish/perform.ts';
import type { PushedDeploy } from '../../receive/push.ts';
import { planRollout } from '../../rollout/plan.ts';
import { findEnvironment, getApp } from '../../store/apps.ts';
import { listUnfinished } from '../../store/deploys.ts';
import { findLastVersion, getRelease } from '../../store/releases.ts';
import { listBackends } from '../../store/routes.ts';
import { imagineEnvironment, listRefusals } from '../accept/propose.ts';
import { proposeSource } from '../accept/propose-source.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { readEnvironmentConfig } from '../environment.ts';
import { planWanted } from '../wanted.ts';
import { describeForecast, type Forecast, type Proposal, splitPlan } from './forecast.ts';

/** What a proposal would do to the servers as they are now. Changes nothing. Throws `environment_unknown`. */
export async function forecastDeploy(
  proposal: Proposal,
  drivers: PipelineDrivers,
  signal: AbortSignal,
): Promise<Forecast> {
  const { db, rollout } = drivers;
  const { place, what, gates, refusals } = proposal;
  const { app, environment } = place;
  const settings = await readEnvironmentConfig(drivers, environment.name);
  const current =
    environment.currentReleaseId === null ? null : await getRelease(db, environment.currentReleaseId);
  const version = (await findLastVersion(db, environment.id)) + 1;
  const release = {
    ...proposal.release,
    app: app.name,
    id: 0,
    version,
    deployId: 0,
    createdAt: '',
    wentLiveAt: null,
  };
  const filter = { app: namesOf(app), env: environment.name };
  const [servers, routed, unfinished] = await Promise.all([
    observeFleet(rollout.fleet, settings.servers, filter, signal),
    listBackends(db, environment.id),
    listUnfinished(db, environment.id),
  ]);
  const wanted = planWanted(place, release, settings);
  const plan = planRollout(wanted, { servers, routed });
  const waiting = unfinished.filter(({ state, kind }) => state !== 'rolling_out' && kind !== 'change');
  const { kind } = proposal;
  // The way back, and what is set, wait for nobody and take nobody's place.
  const isNew = makesImage(proposal) || kind === 'promote';
  const isAsked = isNew && settings.approval !== 'none';
  const supersedes = kind === 'rollback' || (isNew && settings.supersede);
  return {
    app: app.name,
    env: environment.name,
    what,
    version,
    // What is read from outside is not read for a plan: compared is where it comes from.
    difference: diffReleases(current && asWritten(current), asWritten(release)),
    refusals,
    gates: isAsked ? [...gates, 'somebody grants it: hawser approvals:grant'] : gates,
    superseded: supersedes ? waiting.map(({ id }) => id) : [],
    strategy: settings.rollout.strategy,
    servers: splitPlan(plan, settings.servers, await findPulls(proposal.image, servers, drivers, signal)),
  };
}

function asWritten<R extends Pick<Release, 'config'> & Partial<Pick<Release, 'outside'>>>(release: R): R {
  return { ...release, config: { ...release.config, ...release.outside } };
}

/** Bytes that each server lacks of an image: all of it where it is not there, since layers are shared or not. */
async function findPulls(
  image: Image | null,
  servers: readonly ObservedServer[],
  { rollout, builder }: PipelineDrivers,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number | null>> {
  if (image === null) return new Map();
  const size = await findImageSize(builder, image);
  const pulls = servers
    .filter(({ reachable }) => reachable)
    .map(async ({ server }) => {
      const { docker } = await rollout.fleet.connect(server, signal);
      return [server, (await findImageSize(docker, image)) === null ? size : 0] as const;
    });
  return new Map(await Promise.all(pulls));
}

/** What a push would do, for the pusher. */
export async function planPush(
  push: Omit<PushedDeploy, 'deployId' | 'options'>,
  drivers: PipelineDrivers,
): Promise<readonly string[]> {
  const { db } = drivers;
  const app = await getApp(db, push.app.name);
  const found = await findEnvironment(db, app.id, push.environment);
  const place = {
    app,
    environment: found ?? imagineEnvironment(app, push.environment),
    destroyed: false,
    appDestroyed: false,
  };
  const proposal = await proposeSource(place, push, drivers);
  const refusals = await listRefusals(db, place, 'push', push.actor);
  return describeForecast(
    await forecastDeploy({ ...proposal, refusals }, drivers, AbortSignal.timeout(planLimitMs)),
  );
}

const planLimitMs = 30_000;
