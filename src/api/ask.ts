import type { FastifyRequest } from 'fastify';
import { checkInput } from './check.ts';
import { cutPage, pageQuery } from './page.ts';
import type { Answer, Route } from './route.ts';

/** What of a request its route reads, checked. Throws `invalid_input` and `unknown_field`. */
export function readInput(route: Route, request: FastifyRequest) {
  const { limit, cursor, ...rest } = request.query as Record<string, unknown>;
  const page = {
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const isList = route.listBy !== undefined;
  return {
    page: checkInput(pageQuery, isList ? page : {}, 'query'),
    query: checkInput(route.query, isList ? rest : { ...rest, ...page }, 'query'),
    body: checkInput(route.body, request.body ?? {}, 'body'),
  };
}

/** One page of a list that was answered whole; any other answer as it is. Throws `invalid_cursor`. */
export function cutAnswer(
  { path, listBy }: Route,
  answer: Answer,
  page: ReturnType<typeof readInput>['page'],
): Answer {
  if (listBy === undefined || !('json' in answer)) return answer;
  const { json } = answer;
  if (typeof json !== 'object' || json === null || !('items' in json) || !Array.isArray(json.items))
    return answer;
  return { ...answer, json: { ...json, ...cutPage(path, json.items, listBy, page) } };
}

/** What a client asks an answer to be; JSON when it says nothing. */
export function readWish({ headers }: FastifyRequest): 'json' | 'text' | 'events' {
  const { accept = '' } = headers;
  if (accept.startsWith('text/plain')) return 'text';
  return accept.startsWith('text/event-stream') ? 'events' : 'json';
}

/** The id that the client gave its request, if it can be one. */
export function readRequestId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\w.-]{8,100}$/.test(header) ? header : undefined;
}
