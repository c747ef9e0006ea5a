import { choosePromotion } from '../../pipeline/accept/promote-plan.ts';
import { findPlace } from '../../store/apps.ts';
import { requireRight } from '../authorize.ts';
import { nothing } from '../input.ts';
import { pairQuery, promoteBody } from '../input-gates.ts';
import { describePipeline, describePromotion } from '../pipeline-view.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy } from '../view.ts';

export const pipelineRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/pipeline',
    scope: 'app-part',
    right: 'read',
    title: 'The environments of an app in the order of promotion, with what is live in each',
    query: nothing,
    body: nothing,
    answer: async ({ desk, app, actor }) => ({ json: await describePipeline(desk, app, actor) }),
  }),
  route({
    method: 'GET',
    path: '/apps/:app/pipeline/diff',
    scope: 'app-part',
    right: 'read',
    title: 'What a promotion would bring: commits, processes, and names of variables that differ',
    query: pairQuery,
    body: nothing,
    async answer({ desk, app, actor, query }) {
      const { from, to } = choosePromotion(Object.values(desk.config.environments), toPair(query));
      for (const env of [from, to]) requireRight(actor, 'read', { app, env });
      return { json: await describePromotion(desk, { app, from, to }) };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/promote',
    scope: 'app-part',
    right: 'promote',
    title: 'Deploys the image that is live in one environment to another, without a build',
    query: nothing,
    body: promoteBody,
    async answer({ desk, app, actor, body, signal }) {
      const { version, overrideFreeze } = body;
      const { from, to } = choosePromotion(Object.values(desk.config.environments), toPair(body));
      requireRight(actor, 'promote', { app, env: to });
      requireRight(actor, 'read', { app, env: from });
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

type Named = { readonly from?: string | undefined; readonly to?: string | undefined };

function toPair({ from, to }: Named): { readonly from: string | null; readonly to: string | null } {
  return { from: from ?? null, to: to ?? null };
}
