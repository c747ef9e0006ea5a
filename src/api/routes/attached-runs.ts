import type { z } from 'zod';
import type { AttachRequest } from '../../pipeline/runs/attach.ts';
import { followAttachment } from '../attached-run.ts';
import { nothing } from '../input.ts';
import { execBody, inputBody, terminalBody } from '../input-runs.ts';
import { type Answer, type Asked, type Route, route } from '../route.ts';
import { findOwn, redactorFor } from './runs.ts';

type CommandAsked = Asked<'environment', unknown, Omit<z.output<typeof execBody>, 'process'>>;

async function attach(
  { desk, app, place, actor, body, signal }: CommandAsked,
  process: AttachRequest['process'],
): Promise<Answer> {
  const { command, terminal, timeoutSeconds } = body;
  const request = { place, actor, command, terminal, process, timeoutMs: timeoutSeconds * 1000 };
  const redactor = await redactorFor(desk, { app, place, actor });
  const attachment = await desk.runs.attach(request, signal);
  return { events: followAttachment(desk, attachment, { place, redactor, signal }) };
}

export const attachedRunRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/apps/:app/runs/terminal',
    scope: 'environment',
    right: 'run',
    title:
      'A one-off command on a terminal: what it shows, as events that end with it; it ends when they are left',
    query: nothing,
    body: terminalBody,
    answer: (asked) => attach(asked, null),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/exec',
    scope: 'environment',
    right: 'run',
    title:
      'A command in a container that serves: what it writes, as events that end with it; it ends when they are left',
    query: nothing,
    body: execBody,
    answer: (asked) => attach(asked, asked.body.process),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/runs/:run/input',
    scope: 'environment',
    right: 'run',
    title: 'The next piece of what is typed to a command, or the size of its window; for who started it',
    query: nothing,
    body: inputBody,
    async answer({ desk, place, params, body }) {
      const { key, at, data, last, size } = body;
      const { id } = await findOwn(desk.db, place, params.run);
      const attachment = desk.runs.getAttachment(id, key);
      if (size !== undefined) await attachment.resize(size);
      await attachment.put({ at, data: Buffer.from(data, 'base64'), isLast: last });
      return { status: 202, json: { env: place.environment.name, run: id } };
    },
  }),
];
