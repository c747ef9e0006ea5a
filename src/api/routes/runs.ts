import { passwordsOf } from '../../config/passwords.ts';
import { Failure } from '../../failure.ts';
import { type Actor, allow } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import type { Run } from '../../model/run.ts';
import type { Redactor } from '../../secrets/redactor.ts';
import type { Place } from '../../store/apps.ts';
import type { Database } from '../../store/database.ts';
import { readRedactor } from '../../store/redaction.ts';
import { findRun, listRuns } from '../../store/runs.ts';
import type { ApiDesk } from '../desk.ts';
import { envQuery, nothing } from '../input.ts';
import { runBody } from '../input-runs.ts';
import { type Route, route } from '../route.ts';
import { followRun, parseSince } from '../run-output.ts';
import { describeRun } from '../run-view.ts';

const mostListed = 1_000;

export const runRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/runs',
    scope: 'environment',
    right: 'run',
    title: 'Starts a one-off command in a new container of the live image',
    query: nothing,
    body: runBody,
    async answer({ desk, place, actor, body, signal }) {
      const { command, detach, timeoutSeconds, input } = body;
      const request = {
        ...{ place, actor, command },
        attached: !detach,
        timeoutMs: timeoutSeconds * 1000,
        input: input === undefined ? null : Buffer.from(input, 'base64'),
      };
      const run = await desk.runs.begin(request, signal);
      return { status: 201, json: { env: place.environment.name, ...describeRun(run) } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/runs',
    scope: 'environment',
    right: 'run',
    title: 'Lists one-off commands of the last month',
    query: envQuery,
    body: nothing,
    listBy: ['-id'],
    async answer({ desk, place }) {
      const items = (await listRuns(desk.db, place.environment.id, mostListed)).map(describeRun);
      return { json: { env: place.environment.name, items, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/runs/:run',
    scope: 'environment',
    right: 'run',
    title: 'A one-off command, and how it ended',
    query: envQuery,
    body: nothing,
    async answer({ desk, place, params }) {
      const run = await findOwn(desk.db, place, params.run);
      return { json: { env: place.environment.name, ...describeRun(run) } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/runs/:run/output',
    scope: 'environment',
    right: 'run',
    title:
      'What a one-off command writes, as events that end with it; an attached one lasts as long as this is open',
    query: envQuery,
    body: nothing,
    async answer({ desk, app, place, actor, params, lastEventId, signal }) {
      const { id } = await findOwn(desk.db, place, params.run);
      const redactor = await redactorFor(desk, { app, place, actor });
      return { events: followRun(desk, id, { since: parseSince(lastEventId), redactor }, signal) };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/runs/:run/cancel',
    scope: 'environment',
    right: 'run',
    title: 'Has a one-off command stopped',
    query: envQuery,
    body: nothing,
    async answer({ desk, place, params }) {
      const run = await findOwn(desk.db, place, params.run);
      if (run.state !== 'ended') await desk.runs.cancel(run.id);
      return { status: 202, json: { env: place.environment.name, ...describeRun(run) } };
    },
  }),
];

/** Takes out what the asker may not read; null for who may read all. */
export async function redactorFor(
  desk: Pick<ApiDesk, 'db' | 'config'>,
  { app, place, actor }: { readonly app: App; readonly place: Place; readonly actor: Actor },
): Promise<Redactor | null> {
  const { id, name: env } = place.environment;
  if (allow(actor, 'config:read', { app, env })) return null;
  return readRedactor(desk.db, id, passwordsOf(desk.config));
}

/** Throws `run_not_found`, also for a run of another environment. */
export async function findOwn(db: Database, { app, environment }: Place, word = ''): Promise<Run> {
  const run = /^[1-9]\d{0,14}$/.test(word) ? await findRun(db, Number(word)) : undefined;
  if (run?.environmentId === environment.id) return run;
  throw new Failure(
    'run_not_found',
    `${environment.name} of ${app.name} has no run ${JSON.stringify(word.slice(0, 80))}.`,
  );
}
