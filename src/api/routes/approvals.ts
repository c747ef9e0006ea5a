import { listOpenApprovals } from '../../store/approvals.ts';
import type { Place } from '../../store/apps.ts';
import { getDeploy } from '../../store/deploys.ts';
import { listSeenPlaces } from '../authorize.ts';
import { nothing } from '../input.ts';
import { approvalsQuery, denyBody, grantBody } from '../input-gates.ts';
import { type Route, route } from '../route.ts';
import { describeDeploy } from '../view.ts';

export const approvalRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/approvals',
    scope: 'visible',
    right: 'read',
    title: 'Lists the deploys that wait for approval, the oldest first',
    query: approvalsQuery,
    body: nothing,
    listBy: ['id'],
    async answer({ desk, actor, query }) {
      const places = await listSeenPlaces(desk.db, actor, query);
      const byId = new Map(places.map((place) => [place.environment.id, place]));
      const open = await listOpenApprovals(desk.db, [...byId.keys()]);
      const items = await Promise.all(
        open.flatMap(({ deployId, environmentId, askedBy, askedAt }) => {
          const place = byId.get(environmentId);
          return place === undefined ? [] : [describe(place, { deployId, askedBy, askedAt })];
        }),
      );
      async function describe(place: Place, asked: { deployId: number; askedBy: string; askedAt: string }) {
        const deploy = await getDeploy(desk.db, asked.deployId);
        const rule = desk.config.environments[place.environment.name]?.approval ?? 'anyone';
        return { ...(await describeDeploy(desk.db, deploy, place)), ...asked, by: rule };
      }
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/deploys/:id/grant',
    scope: 'deploy',
    right: 'promote',
    title: 'Lets a deploy that waits for approval go on',
    query: nothing,
    body: grantBody,
    async answer({ desk, deploy, place, actor, body }) {
      const { reason = null, overrideFreeze } = body;
      const wanted = { deploy, verdict: 'granted', actor: actor.name, reason, overrideFreeze } as const;
      return { json: await describeDeploy(desk.db, await desk.decideApproval(wanted), place) };
    },
  }),
  route({
    method: 'POST',
    path: '/deploys/:id/deny',
    scope: 'deploy',
    right: 'promote',
    title: 'Ends a deploy that waits for approval',
    query: nothing,
    body: denyBody,
    async answer({ desk, deploy, place, actor, body }) {
      const wanted = { deploy, verdict: 'denied', actor: actor.name, reason: body.reason } as const;
      return { json: await describeDeploy(desk.db, await desk.decideApproval(wanted), place) };
    },
  }),
];
