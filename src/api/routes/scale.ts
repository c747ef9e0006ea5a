import { answerChange } from '../change-answer.ts';
import { nothing } from '../input.ts';
import { restartBody, scaleBody } from '../input-settings.ts';
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
];
