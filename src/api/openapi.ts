import { z } from 'zod';
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
    info: { title: 'Hawser', version: '1' },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
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

function describeRoute({ title, right, path, method, query, body }: Route): object {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const inBody = method === 'POST' && listFields(body).length > 0;
  return {
    summary: title,
    'x-right': right,
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...listFields(query).map(([name, schema]) => ({ name, in: 'query', schema })),
    ],
    ...(inBody
      ? { requestBody: { required: true, content: { 'application/json': { schema: toJsonSchema(body) } } } }
      : {}),
    responses: {
      '2XX': { description: 'Done' },
      default: {
        description: 'A problem document (RFC 9457)',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function listFields(schema: z.ZodType): [string, unknown][] {
  return Object.entries((toJsonSchema(schema).properties ?? {}) as Record<string, unknown>);
}

function toJsonSchema(schema: z.ZodType): { properties?: unknown } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}
