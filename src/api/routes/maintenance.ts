import { envQuery, maintenanceBody, nothing } from '../input.ts';
import { type Route, route } from '../route.ts';

export const maintenanceRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/maintenance',
    scope: 'environment',
    right: 'deploy',
    title: 'Shows a maintenance page instead of the app, which runs on behind it',
    query: nothing,
    body: maintenanceBody,
    async answer({ desk, place, actor, body }) {
      const shown = await desk.setMaintenance(place, body.message, actor.name);
      return { status: shown ? 200 : 202, json: answerOf(place.environment.name, body.message, shown) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/maintenance',
    scope: 'environment',
    right: 'deploy',
    title: 'Ends the maintenance: the app answers again',
    query: envQuery,
    body: nothing,
    async answer({ desk, place, actor }) {
      const shown = await desk.setMaintenance(place, null, actor.name);
      return { status: shown ? 200 : 202, json: answerOf(place.environment.name, null, shown) };
    },
  }),
];

/** `applied` is false while the load balancer does not follow yet: it is recorded, and will be. */
function answerOf(env: string, maintenance: string | null, applied: boolean) {
  return { env, maintenance, applied };
}
