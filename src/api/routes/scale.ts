import { nothingLive } from '../../pipeline/accept/accept-change.ts';
import type { Place } from '../../store/apps.ts';
import { getRelease } from '../../store/releases.ts';
import { readSettings } from '../../store/settings.ts';
import { answerChange } from '../change-answer.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { restartBody, scaleBody, stopBody } from '../input-settings.ts';
import { type Route, route } from '../route.ts';

export const scaleRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/scale',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Says how many of each process run, as a new release without a build',
    query: nothing,
    body: scaleBody,
    answer: (asked) => answerChange(asked, { action: 'ps:scale', wanted: { scale: asked.body.scale } }),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/restart',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Replaces every container by a fresh one, as a new release without a build',
    query: nothing,
    body: restartBody,
    answer: (asked) => answerChange(asked, { action: 'ps:restart', wanted: {}, restart: true }),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/stop',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Stops processes and keeps their numbers, as a new release without a build',
    query: nothing,
    body: stopBody,
    async answer(asked) {
      const types = asked.body.processes ?? (await listTypes(asked.desk, asked.place));
      const stopped = Object.fromEntries(types.map((type) => [type, true]));
      return answerChange(asked, { action: 'ps:stop', wanted: { stopped } });
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/start',
    scope: 'environment',
    right: 'deploy',
    ensures: true,
    title: 'Starts processes that were stopped, in the numbers that they had',
    query: nothing,
    body: stopBody,
    async answer(asked) {
      const { environment } = asked.place;
      const types = asked.body.processes ?? (await readSettings(asked.desk.db, environment.id)).stopped ?? [];
      const stopped = Object.fromEntries(types.map((type) => [type, false]));
      return answerChange(asked, { action: 'ps:start', wanted: { stopped } });
    },
  }),
];

/** Of the live release. Throws `nothing_live`. */
async function listTypes({ db }: ApiDesk, { environment }: Place): Promise<readonly string[]> {
  if (environment.currentReleaseId === null) throw nothingLive();
  return (await getRelease(db, environment.currentReleaseId)).processes.map(({ type }) => type);
}
