import type { Right } from '../../model/access.ts';
import type { Deploy } from '../../model/deploy.ts';
import { isOutside } from '../../model/outside-value.ts';
import type { Place } from '../../store/apps.ts';
import { getDeploy, listDeploys } from '../../store/deploys.ts';
import { listSteps } from '../../store/steps.ts';
import { listSeenPlaces, requireRight } from '../authorize.ts';
import { followLog, parsePosition, readWholeLog } from '../deploy-log.ts';
import { readResult } from '../deploy-result.ts';
import type { ApiDesk } from '../desk.ts';
import { deployBody, deploysQuery, nothing, retryBody } from '../input.ts';
import { makeCursor, type PageQuery, readNumberCursor } from '../page.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy, describeDeploys } from '../view.ts';

const interventions = [
  ['cancel', 'Asks a deploy to stop'],
  ['continue', 'Lets a rollout go on that waits at a step or is watched there'],
  ['abort', 'Has such a rollout taken back'],
] as const;

export const deployRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/deploys',
    scope: 'visible',
    right: 'read',
    title: 'Lists deploys, the newest first',
    query: deploysQuery,
    body: nothing,
    async answer({ desk, actor, query }) {
      return { json: await listPage(desk, await listSeenPlaces(desk.db, actor, query), query) };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/deploys',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Deploys an image that was built elsewhere, or a commit that was pushed before',
    query: nothing,
    body: deployBody,
    async answer({ desk, app, place, actor, body, signal }) {
      const { environment } = place;
      const { image = '', commit, noCache = false, overrideFreeze } = body;
      if (body.plan) {
        const wish =
          commit === undefined ? ({ kind: 'image', image } as const) : ({ kind: 'commit', commit } as const);
        return { json: await desk.plan(app, { ...wish, environment }, actor.name, signal) };
      }
      const where = { app, environment, overrideFreeze, actor: actor.name };
      const made =
        commit === undefined
          ? await desk.deployImage({ ...where, image })
          : await desk.deployCommit({ ...where, commit, noCache });
      return { status: 202, json: await describeDeploy(desk.db, await getDeploy(desk.db, made.id), place) };
    },
  }),
  route({
    method: 'GET',
    path: '/deploys/:id',
    scope: 'deploy',
    right: 'read',
    title: 'A deploy with its steps, their times and its result',
    query: nothing,
    body: nothing,
    async answer({ desk, deploy, place }) {
      const steps = await listSteps(desk.db, deploy.id);
      return {
        json: {
          ...(await describeDeploy(desk.db, deploy, place)),
          steps: steps.map(({ name, outcome, detail, epoch, begun_at, ended_at }) => ({
            name,
            outcome,
            detail,
            epoch,
            begunAt: begun_at,
            endedAt: ended_at,
          })),
          result: await readResult(desk, deploy),
        },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/deploys/:id/log',
    scope: 'deploy',
    right: 'logs',
    title: 'The log as events that end with the deploy, or as plain text as far as it is',
    query: nothing,
    body: nothing,
    async answer({ desk, deploy, lastEventId, wants, signal }) {
      if (wants === 'text') return { lines: readWholeLog(desk, deploy) };
      return { events: followLog(desk, deploy.id, parsePosition(lastEventId), signal) };
    },
  }),
  ...interventions.map(([verb, title]) =>
    route({
      method: 'POST',
      path: `/deploys/:id/${verb}`,
      scope: 'deploy',
      right: 'deploy',
      title,
      query: nothing,
      body: nothing,
      async answer({ desk, deploy, place, actor }) {
        const asked = await desk[verb](deploy, actor.name);
        return { status: 202, json: await describeDeploy(desk.db, asked, place) };
      },
    }),
  ),
  route({
    method: 'POST',
    path: '/deploys/:id/retry',
    scope: 'deploy',
    right: 'deploy',
    title: 'Runs an ended deploy again, as a new one',
    query: nothing,
    body: retryBody,
    async answer({ desk, deploy, place, actor, body }) {
      for (const right of rightsToRepeat(deploy)) {
        requireRight(actor, right, { app: place.app, env: place.environment.name });
      }
      if (readsOutside(deploy)) requireRight(actor, 'admin', null);
      const again = await desk.retry(deploy, actor.name, body);
      return { status: 202, json: await describeDeploy(desk.db, await getDeploy(desk.db, again.id), place) };
    },
  }),
];

/** Beside that to deploy, the right that it took to ask for it the first time. */
function rightsToRepeat({ kind, options }: Deploy): readonly Right[] {
  if (kind === 'promote' || kind === 'rollback') return [kind];
  return Object.keys(options.change?.vars ?? {}).length > 0 ? ['config:write'] : [];
}

/** Whether a change sets what is read on the control machine, which only its administrators ask for. */
function readsOutside({ options }: Deploy): boolean {
  return Object.values(options.change?.vars ?? {}).some(({ to }) => to !== null && isOutside(to));
}

async function listPage({ db }: ApiDesk, places: readonly Place[], { limit, cursor }: PageQuery) {
  const byId = new Map(places.map((place) => [place.environment.id, place]));
  const before = readNumberCursor('deploys', cursor);
  const found = await listDeploys(db, {
    environmentIds: [...byId.keys()],
    limit: limit + 1,
    ...(before === undefined ? {} : { before }),
  });
  const shown = found.slice(0, limit);
  const items = await describeDeploys(db, shown, byId);
  const last = shown.at(-1);
  const next = found.length > limit && last !== undefined ? makeCursor('deploys', [last.id]) : null;
  return { items, next };
}
