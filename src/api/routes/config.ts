import { Failure } from '../../failure.ts';
import { type Actor, allow } from '../../model/access.ts';
import { isOutside, type OutsideValue, readOutside, writeOutside } from '../../model/outside-value.ts';
import { getRelease } from '../../store/releases.ts';
import { readRevision, readSettings } from '../../store/settings.ts';
import { requireRight } from '../authorize.ts';
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
      const items = Object.entries({ ...defaults, ...vars }).map(([name, value]) => {
        const from = Object.hasOwn(vars, name) ? readOutside(value) : undefined;
        return {
          name,
          value: hidden || from !== undefined ? null : value,
          source: from !== undefined ? 'outside' : Object.hasOwn(vars, name) ? 'set' : 'app.json',
          outside: hidden ? null : (from ?? null),
        };
      });
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
    answer(asked) {
      const vars = writeVariables(asked.body.vars, asked.actor);
      return answerChange(asked, { action: 'config:set', wanted: { vars } });
    },
  }),
];

type Written = Readonly<Record<string, string | OutsideValue | null>>;

/**
 * As the settings keep them. Only who administers the installation has files and variables of the control machine read.
 * Throws `not_allowed` and `variable_invalid`.
 */
function writeVariables(vars: Written, actor: Actor): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(vars).map(([name, value]) => {
      if (value !== null && typeof value === 'object') {
        requireRight(actor, 'admin', null);
        return [name, writeOutside(value)];
      }
      // What is kept for a place outside begins with a NUL, so that no text may.
      if (value !== null && isOutside(value)) throw new Failure('variable_invalid', describeNul(name));
      return [name, value];
    }),
  );
}

function describeNul(name: string): string {
  return `The value of ${JSON.stringify(name)} has a NUL in it, which no process can be given.`;
}
