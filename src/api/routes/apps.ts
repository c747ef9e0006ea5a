import { type Actor, allow } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import { findEnvironmentConfig } from '../../pipeline/environment.ts';
import { findPlace, listApps, listPlaces, type Place } from '../../store/apps.ts';
import { getDeploy, listUnfinished } from '../../store/deploys.ts';
import { type Lock, listLocks } from '../../store/locks.ts';
import { getRelease } from '../../store/releases.ts';
import { maySee, maySeeApp } from '../authorize.ts';
import type { ApiDesk } from '../desk.ts';
import { newApp, nothing, renameBody } from '../input.ts';
import { cutPage, pageQuery } from '../page.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy, readUrls, remoteOf } from '../view.ts';
import { describeLock } from './locks.ts';

export const appRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps',
    scope: 'visible',
    right: 'read',
    title: 'Lists the apps that the token may see',
    query: pageQuery,
    body: nothing,
    async answer({ desk, actor, query }) {
      const seen = (await listApps(desk.db)).filter((app) => maySeeApp(actor, app));
      const { items, next } = cutPage('apps', seen, ['name'], query);
      return { json: { items: await Promise.all(items.map((app) => describeApp(desk, app, actor))), next } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps',
    scope: 'installation',
    right: 'create',
    title: 'Makes an app',
    query: nothing,
    body: newApp,
    async answer({ desk, actor, body }) {
      const app = await desk.createApp(body.name, actor.name);
      return { status: 201, json: await describeApp(desk, app, actor) };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app',
    scope: 'app-part',
    right: 'read',
    title: 'Environments, domains and current releases of an app',
    query: nothing,
    body: nothing,
    answer: async ({ desk, app, actor }) => ({ json: await describeApp(desk, app, actor) }),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/rename',
    scope: 'app',
    right: 'admin',
    title: 'Gives an app another name, and brings what runs to it',
    query: nothing,
    body: renameBody,
    async answer({ desk, app: before, actor, body }) {
      const { app, deploys } = await desk.renameApp({ app: before, actor: actor.name, ...body });
      const shown = deploys.map(async ({ id, environmentId }) => {
        const place = await findPlace(desk.db, environmentId);
        return place && describeDeploy(desk.db, await getDeploy(desk.db, id), place);
      });
      const { name } = app;
      return {
        status: 202,
        json: { name, remote: remoteOf(desk.config, name), deploys: await Promise.all(shown) },
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app',
    scope: 'app',
    right: 'admin',
    title: 'Destroys an app with everything that it has',
    query: nothing,
    body: nothing,
    async answer({ desk, app, actor }) {
      await desk.destroyApp(app, actor.name);
      return { json: { name: app.name, destroyed: true } };
    },
  }),
];

/** Of an app only the environments that the actor may see. */
async function describeApp(desk: ApiDesk, app: App, actor: Actor) {
  const places = (await listPlaces(desk.db, app.id)).filter((place) => maySee(actor, place));
  const isShown = ({ env }: Lock) => env === null || allow(actor, 'read', { app, env });
  return {
    name: app.name,
    remote: remoteOf(desk.config, app.name),
    createdAt: app.createdAt,
    createdBy: app.createdBy,
    locks: (await listLocks(desk.db, app.id, new Date())).filter(isShown).map(describeLock),
    environments: await Promise.all(places.map((place) => describeEnvironment(desk, place))),
  };
}

async function describeEnvironment({ db, config }: ApiDesk, place: Place) {
  const { environment } = place;
  const { currentReleaseId } = environment;
  const release = currentReleaseId === null ? null : await getRelease(db, currentReleaseId);
  const unfinished = await listUnfinished(db, environment.id);
  const settings = await findEnvironmentConfig({ config, db }, environment.name);
  return {
    name: environment.name,
    urls: await readUrls(db, config, place),
    release: release?.version ?? null,
    commit: release?.commit ?? null,
    branches: settings?.branches ?? [],
    servers: settings?.servers ?? [],
    deploying: unfinished.map((deploy) => deploy.id),
    maintenance: environment.maintenance,
  };
}
