import { Failure } from '../failure.ts';
import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import { parseDomain } from '../route/domain.ts';
import { defaultDomain } from '../route/table.ts';
import { setAppName } from '../store/app-name.ts';
import { listPlaces, type Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { listUnfinished } from '../store/deploys.ts';
import { recordEvent } from '../store/events.ts';
import { listDomains } from '../store/routes.ts';
import { checkWish, recordChange, refuseOwnDomain } from './accept/accept-change.ts';
import { type AcceptDrivers, tellQueued } from './accept/queue-deploy.ts';

export type RenameRequest = {
  readonly app: App;
  readonly name: string;
  readonly actor: string;
  /** Why it cannot wait for the end of a freeze. */
  readonly overrideFreeze?: string | undefined;
};

/**
 * Gives an app another name, and records a change of each environment that brings its containers, its network and its
 * domain of the pattern to that name; until then, and if it fails, what runs goes on under the old one. All of it is one
 * change of the ledger. Throws `invalid_app_name`, `app_exists`, `deploy_under_way`, `app_has_previews`, `domain_taken`,
 * `app_locked`, `frozen`.
 */
export async function renameApp(
  request: RenameRequest,
  drivers: AcceptDrivers,
): Promise<{ readonly app: App; readonly deploys: readonly Deploy[] }> {
  const { db, config } = drivers;
  const { app: before, name, actor } = request;
  const { app, moved } = await db.transaction().execute(async (tx) => {
    const places = (await listPlaces(tx, before.id)).filter((place) => !place.destroyed);
    await refuseBusy(places, tx);
    const renamed = await setAppName(tx, before, name);
    const detail = `${before.name} -> ${name}`;
    await recordEvent(tx, { actor, action: 'apps:rename', appId: before.id, env: null, detail });
    const made = [];
    for (const { environment } of places) {
      const [from, to] = [before.name, name].map((each) =>
        parseDomain(defaultDomain(config.domain, each, environment.name)),
      );
      const isNamed = from !== undefined && (await listDomains(tx, environment.id)).includes(from);
      const domains = isNamed && to !== undefined ? { [from]: false, [to]: true } : {};
      refuseOwnDomain({ domains }, config.url);
      const change = {
        app: renamed,
        environment,
        wanted: checkWish({ domains }, config),
        action: 'apps:rename',
        restart: environment.currentReleaseId !== null,
        overrideFreeze: request.overrideFreeze,
        actor: { name: actor },
      };
      const { deploy } = await recordChange(change, tx);
      if (deploy !== null) made.push({ environment, deploy });
    }
    return { app: renamed, moved: made };
  });
  for (const { environment, deploy } of moved) {
    await tellQueued(drivers, { app, environment }, deploy, [`Renamed from ${before.name}`]);
  }
  return { app, deploys: moved.map(({ deploy }) => deploy) };
}

/** What is on its way was named when it began. */
async function refuseBusy(places: readonly Place[], tx: Database): Promise<void> {
  for (const { app, environment } of places) {
    const [first] = await listUnfinished(tx, environment.id);
    if (first !== undefined) {
      throw new Failure(
        'deploy_under_way',
        `Deploy ${first.id} of ${app.name}/${environment.name} has not ended yet.`,
      );
    }
    if (environment.branch !== null) {
      throw new Failure('app_has_previews', `${app.name} has the preview ${environment.name}.`);
    }
  }
}
