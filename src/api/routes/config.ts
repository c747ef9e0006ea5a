import { allow } from '../../model/access.ts';
import { getRelease } from '../../store/releases.ts';
import { readRevision, readSettings } from '../../store/settings.ts';
import { answerChange, etagOf } from '../change-answer.ts';
import { envQuery, nothing } from '../input.ts';
import { configBody } from '../input-settings.ts';
import { type Route, route } from '../route.ts';

export const configRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/config',
    scope: 'environment',
    right: 'read',
    title: 'The variables of an environment; their values only for who may read them',
    query: envQuery,
    body: nothing,
    listBy: ['name'],
    async answer({ desk, app, place, actor }) {
      const { environment } = place;
      const { vars } = await readSettings(desk.db, environment.id);
      const { currentReleaseId } = environment;
      const defaults =
        currentReleaseId === null ? {} : (await getRelease(desk.db, currentReleaseId)).defaults;
      const hidden = !allow(actor, 'config:read', { app, env: environment.name });
      const items = Object.entries({ ...defaults, ...vars }).map(([name, value]) => ({
        name,
        value: hidden ? null : value,
        source: Object.hasOwn(vars, name) ? 'set' : 'app.json',
      }));
      const etag = etagOf(environment.id, await readRevision(desk.db, environment.id));
      return { headers: { etag }, json: { env: environment.name, hidden, items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/config',
    scope: 'environment',
    right: 'config:write',
    ensures: true,
    title: 'Sets and takes away variables, as a new release without a build',
    query: nothing,
    body: configBody,
    answer: (asked) => answerChange(asked, { action: 'config:set', wanted: { vars: asked.body.vars } }),
  }),
];
