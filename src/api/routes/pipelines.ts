import { findPlace } from '../../store/apps.ts';
import { nothing } from '../input.ts';
import { pairQuery, promoteBody } from '../input-gates.ts';
import { describePipeline, describePromotion } from '../pipeline-view.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy } from '../view.ts';

export const pipelineRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/pipeline',
    scope: 'app',
    right: 'read',
    title: 'The environments of an app in the order of promotion, with what is live in each',
    query: nothing,
    body: nothing,
    answer: async ({ desk, app }) => ({ json: await describePipeline(desk, app) }),
  }),
  route({
    method: 'GET',
    path: '/apps/:app/pipeline/diff',
    scope: 'app',
    right: 'read',
    title: 'What a promotion would bring: commits, processes, and names of variables that differ',
    query: pairQuery,
    body: nothing,
    async answer({ desk, app, query }) {
      const { from = null, to = null } = query;
      return { json: await describePromotion(desk, { app, from, to }) };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/promote',
    scope: 'app',
    right: 'deploy',
    title: 'Deploys the image that is live in one environment to another, without a build',
    query: nothing,
    body: promoteBody,
    async answer({ desk, app, actor, body, signal }) {
      const { from = null, to = null, version, overrideFreeze } = body;
      if (body.plan) {
        return { json: await desk.plan(app, { kind: 'promote', from, to }, actor.name, signal) };
      }
      const made = await desk.promote({
        app,
        from,
        to,
        expected: version,
        overrideFreeze,
        actor: actor.name,
      });
      const place = await findPlace(desk.db, made.environmentId);
      if (place === undefined) throw new Error(`deploy ${made.id} has no place`);
      return { status: 202, json: await describeDeploy(desk.db, made, place) };
    },
  }),
];
