import { allow } from '../../model/access.ts';
import { getRelease } from '../../store/releases.ts';
import { readSettings } from '../../store/settings.ts';
import { answerChange } from '../change-answer.ts';
import { envQuery, nothing } from '../input.ts';
import { configBody } from '../input-settings.ts';
import { choosePlace } from '../place.ts';
import { type Route, route } from '../route.ts';

export const configRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/config',
    scope: 'app',
    right: 'read',
    title: 'The variables of an environment; their values only for who may deploy',
    query: envQuery,
    body: nothing,
    async answer({ desk, app, actor, query }) {
      const { environment } = await choosePlace(desk.db, app, query.env);
      const { vars } = await readSettings(desk.db, environment.id);
      const { currentReleaseId } = environment;
      const defaults =
        currentReleaseId === null ? {} : (await getRelease(desk.db, currentReleaseId)).defaults;
      const hidden = !allow(actor, 'deploy', app);
      const items = Object.entries({ ...defaults, ...vars })
        .map(([name, value]) => ({
          name,
          value: hidden ? null : value,
          source: Object.hasOwn(vars, name) ? 'set' : 'app.json',
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      return { json: { env: environment.name, hidden, items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/config',
    scope: 'app',
    right: 'deploy',
    title: 'Sets and takes away variables, as a new release without a build',
    query: nothing,
    body: configBody,
    answer: (asked) => answerChange(asked, { action: 'config:set', wanted: { vars: asked.body.vars } }),
  }),
];
