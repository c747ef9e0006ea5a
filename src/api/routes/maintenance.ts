import { envQuery, maintenanceBody, nothing } from '../input.ts';
import { choosePlace } from '../place.ts';
import { type Route, route } from '../route.ts';

export const maintenanceRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/maintenance',
    scope: 'app',
    right: 'deploy',
    title: 'Shows a maintenance page instead of the app, which runs on behind it',
    query: nothing,
    body: maintenanceBody,
    async answer({ desk, app, actor, body }) {
      const place = await choosePlace(desk.db, app, body.env);
      const shown = await desk.setMaintenance(place, body.message, actor.name);
      return { status: shown ? 200 : 202, json: answerOf(place.environment.name, body.message, shown) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/maintenance',
    scope: 'app',
    right: 'deploy',
    title: 'Ends the maintenance: the app answers again',
    query: envQuery,
    body: nothing,
    async answer({ desk, app, actor, query }) {
      const place = await choosePlace(desk.db, app, query.env);
      const shown = await desk.setMaintenance(place, null, actor.name);
      return { status: shown ? 200 : 202, json: answerOf(place.environment.name, null, shown) };
    },
  }),
];

/** `applied` is false while the load balancer does not follow yet: it is recorded, and will be. */
function answerOf(env: string, maintenance: string | null, applied: boolean) {
  return { env, maintenance, applied };
}
