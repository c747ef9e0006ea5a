import { z } from 'zod';
import { answerNames, answerSchemas } from './answers.ts';
import { pageQuery } from './page.ts';
import type { Route } from './route.ts';

/** The OpenAPI 3.1 document of the routes, from the same schemas that check their input. Pure. */
export function describeApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `/api/v1${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hawser',
      version: '1',
      summary: 'git push to deploy, on your own servers',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: [...new Set(routes.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema, Page: pageSchema, ...describeSchemas() },
      headers: { RequestId: { description: 'The id of the request', schema: { type: 'string' } } },
      parameters: {
        RequestId: requestId,
        IdempotencyKey: idempotencyKey,
        IfMatch: ifMatch,
        LastEventId: lastEventId,
      },
      responses: Object.fromEntries(
        Object.entries(refusals).map(([name, title]) => [name, describeProblem(title)]),
      ),
    },
  };
}

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'fix', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; docs/errors.md has them all.' },
    detail: { type: 'string' },
    fix: { type: 'string', description: 'The one next step.' },
    requestId: { type: 'string' },
  },
};

const pageSchema = {
  type: 'object',
  required: ['items', 'next'],
  properties: {
    items: { type: 'array', items: { type: 'object' } },
    next: { type: ['string', 'null'], description: 'The cursor of the next page; null on the last one.' },
  },
};

const requestId = {
  name: 'X-Request-Id',
  in: 'header',
  description: 'Names the request in its answer and in the log; made when it is left out.',
  schema: { type: 'string', pattern: '^[\\w.-]{8,100}$' },
};
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'Whoever sends the same request again with the same key within 24 h gets the same answer.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};
const ifMatch = {
  name: 'If-Match',
  in: 'header',
  description: 'The ETag that was read: what was changed since is not undone.',
  schema: { type: 'string' },
};
const lastEventId = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The id of the last event that was seen: it goes on behind that one.',
  schema: { type: 'string' },
};

const refusals = {
  BadInput: 'The request is not one that is understood',
  NoToken: 'Nobody is known by the token, or there is none',
  NotAllowed: 'This needs a right that the asker does not have',
  NotFound: 'It is not there, or may not be seen',
  Conflict: 'It is not possible now',
  ChangedMeanwhile: 'Somebody changed it since it was read',
  KeyReused: 'The Idempotency-Key belongs to another request',
  TooMany: 'Too many requests; Retry-After says when to ask again',
  Other: 'Any other problem',
};

function describeProblem(description: string): object {
  return {
    description,
    headers: { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function describeRoute(route: Route): object {
  const { title, right, scope, method, body } = route;
  const hasBody = method === 'POST' && listFields(body).length > 0;
  return {
    operationId: nameOperation(route),
    summary: title,
    tags: [tagOf(route)],
    'x-right': right,
    'x-scope': scope,
    ...(right === null ? { security: [] } : {}),
    parameters: listParameters(route),
    ...(hasBody
      ? {
          requestBody: {
            required: isNeeded(body),
            content: { 'application/json': { schema: toJsonSchema(body) } },
          },
        }
      : {}),
    responses: { ...listAnswers(route), ...listRefusals(route) },
  };
}

/** `getAppsConfig`, `postDeploysCancel`: the method and the words of the address. */
function nameOperation({ method, path }: Route): string {
  const words = path.split('/').flatMap((part) => (part === '' ? [] : part.replace(':', 'by-').split('-')));
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function tagOf({ path }: Route): string {
  return path.split('/')[1] ?? '';
}

function listParameters({ path, method, query, listBy }: Route): object[] {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const fields = [...(listBy === undefined ? [] : listFields(pageQuery)), ...listFields(query)];
  const refer = (name: string) => ({ $ref: `#/components/parameters/${name}` });
  return [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...fields.map(([name, schema]) => ({ name, in: 'query', required: needs(query, name), schema })),
    refer('RequestId'),
    ...(method === 'GET' ? [] : [refer('IdempotencyKey')]),
    ...(path.endsWith('/config') && method === 'POST' ? [refer('IfMatch')] : []),
    ...(streams.has(path) && method === 'GET' ? [refer('LastEventId')] : []),
  ];
}

const streams = new Set([
  ...['/deploys/:id/log', '/apps/:app/logs', '/events'],
  ...['/apps/:app/runs/:run/output', '/apps/:app/runs/terminal', '/apps/:app/exec'],
]);

// Each status by itself: generated clients take `2XX` for nothing, and the problem of `default` for the answer.
const answered = { 200: 'Done', 201: 'Made', 202: 'Accepted: it goes on' };

function listAnswers(route: Route): object {
  if (route.method === 'GET') return { 200: describeAnswer(route, answered[200]) };
  return Object.fromEntries(
    Object.entries(answered).map(([status, text]) => [status, describeAnswer(route, text)]),
  );
}

function describeSchemas(): object {
  return Object.fromEntries(
    Object.entries(answerSchemas).map(([name, schema]) => [name, toJsonSchema(schema)]),
  );
}

function describeAnswer({ method, path, listBy, query }: Route, description: string): object {
  const isList = listBy !== undefined || listFields(query).some(([name]) => name === 'cursor');
  const name = answerNames[`${method} ${path}`] ?? (isList ? 'Page' : null);
  const json = name === null ? { type: 'object' } : { $ref: `#/components/schemas/${name}` };
  const text = { schema: { type: 'string' } };
  const content = {
    ...(streams.has(path) && path !== '/events' ? {} : { 'application/json': { schema: json } }),
    ...(streams.has(path) ? { 'text/event-stream': text } : {}),
    ...(path === '/deploys/:id/log' ? { 'text/plain': text } : {}),
  };
  const headers = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
  return { description, headers, content };
}

function listRefusals({ right, scope, method, path }: Route): Record<string, object> {
  const refer = (name: keyof typeof refusals) => ({ $ref: `#/components/responses/${name}` });
  return {
    400: refer('BadInput'),
    ...(right === null ? {} : { 401: refer('NoToken'), 429: refer('TooMany') }),
    ...(right === null || scope === 'visible' ? {} : { 403: refer('NotAllowed') }),
    ...(path.includes(':') ? { 404: refer('NotFound') } : {}),
    ...(method === 'GET' ? {} : { 409: refer('Conflict'), 422: refer('KeyReused') }),
    ...(path.endsWith('/config') && method === 'POST' ? { 412: refer('ChangedMeanwhile') } : {}),
    // Not `default`, which clients take for an answer as good as any.
    '4XX': refer('Other'),
    '5XX': refer('Other'),
  };
}

function listFields(schema: z.ZodType): [string, unknown][] {
  return Object.entries((toJsonSchema(schema).properties ?? {}) as Record<string, unknown>);
}

function needs(schema: z.ZodType, name: string): boolean {
  return (toJsonSchema(schema).required ?? []).includes(name);
}

function isNeeded(schema: z.ZodType): boolean {
  return (toJsonSchema(schema).required ?? []).length > 0;
}

function toJsonSchema(schema: z.ZodType): { properties?: unknown; required?: readonly string[] } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}
