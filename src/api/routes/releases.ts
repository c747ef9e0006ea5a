import { Failure } from '../../failure.ts';
import { getDeploy } from '../../store/deploys.ts';
import { findReleaseByVersion, listReleases } from '../../store/releases.ts';
import { envPageQuery, envQuery, nothing, rollbackBody } from '../input.ts';
import { makeCursor, readNumberCursor } from '../page.ts';
import { describeRelease, describeReleaseWhole } from '../release-view.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy } from '../view.ts';

export const releaseRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/releases',
    scope: 'environment',
    right: 'read',
    title: 'Lists the releases of an environment, the newest first',
    query: envPageQuery,
    body: nothing,
    async answer({ desk, place, query }) {
      const { environment } = place;
      const { limit, cursor } = query;
      const before = readNumberCursor('releases', cursor);
      const found = await listReleases(desk.db, environment.id, {
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
      });
      const shown = found.slice(0, limit);
      const items = await Promise.all(
        shown.map((release) => describeRelease(desk.db, release, environment.currentReleaseId)),
      );
      const last = shown.at(-1);
      const next = found.length > limit && last !== undefined ? makeCursor('releases', [last.version]) : null;
      return { json: { env: environment.name, items, next } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/releases/:version',
    scope: 'environment',
    right: 'read',
    title: 'One release: what it is, what is other than in the one before, and how it ended',
    query: envQuery,
    body: nothing,
    async answer({ desk, app, place, params }) {
      const { environment } = place;
      const text = params.version ?? '';
      const version = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
      const release = await findReleaseByVersion(desk.db, environment.id, version);
      if (release === undefined) {
        const shown = JSON.stringify(text.slice(0, 80));
        throw new Failure('release_not_found', `${environment.name} has no release ${shown}.`);
      }
      const { currentReleaseId } = environment;
      const whole = await describeReleaseWhole(desk, app, release, currentReleaseId);
      return { json: { env: environment.name, ...whole } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/rollback',
    scope: 'environment',
    right: 'rollback',
    title: 'Brings an earlier release back, as a new deploy',
    query: nothing,
    body: rollbackBody,
    async answer({ desk, app, place, actor, body, signal }) {
      const { environment } = place;
      const { version, digest } = body;
      if (body.plan) {
        const wish = { kind: 'rollback', environment, version, digest } as const;
        return { json: await desk.plan(app, wish, actor.name, signal) };
      }
      const made = await desk.rollback({ app, environment, version, digest, actor: actor.name });
      const deploy = await getDeploy(desk.db, made.id);
      return { status: 202, json: await describeDeploy(desk.db, deploy, place) };
    },
  }),
];
