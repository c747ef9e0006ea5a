import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Failure } from '../failure.ts';
import type { Audit } from '../model/audit.ts';
import { readRequestId } from './ask.ts';
import { openRouteAudit, type Seen } from './audit.ts';
import { refuseTokenInUrl } from './authorize.ts';
import type { ApiDesk, ApiLog } from './desk.ts';
import { openEventFeed } from './event-feed.ts';
import type { Guests } from './guests.ts';
import { describeApi } from './openapi.ts';
import { answerRoute, type Entered, enterRoute, recheckRoute, type Surroundings } from './perform.ts';
import { type Problem, toFailure, toProblem } from './problem.ts';
import { openRequestLimits } from './request-limits.ts';
import type { Answer, Route } from './route.ts';
import { routes } from './routes.ts';
import { openStream } from './stream.ts';

export type Api = {
  respond(request: IncomingMessage, response: ServerResponse): void;
  /** Ends the streams, and waits for the answers that are under way. */
  close(): Promise<void>;
};

export type ApiOptions = {
  /** Of the administrator's own door on this machine: who comes in there is `operator`, without a token. */
  readonly trusted: boolean;
  readonly log: ApiLog;
  /** Where it is written down who did what. */
  readonly audit: Audit;
  /** Who came in by another door. */
  readonly guests?: Guests;
};

const base = '/api/v1';
const bodyLimit = 1024 * 1024;

/** The HTTP API as a listener of requests; the servers in front of it are the caller's. */
export async function openApi(desk: ApiDesk, { trusted, log, audit, guests }: ApiOptions): Promise<Api> {
  const routeAudit = openRouteAudit(audit, { trusted, guests });
  const closing = new AbortController();
  const server = fastify({
    bodyLimit,
    exposeHeadRoutes: false,
    genReqId: ({ headers }) => readRequestId(headers['x-request-id']) ?? makeId(),
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply, log),
  });
  server.removeContentTypeParser('text/plain');
  const limits = await openRequestLimits(server, desk.config.limits.requests);
  const feed = openEventFeed(desk.db);
  const surroundings: Surroundings = { desk, trusted, guests, limits, feed, routeAudit, boot: makeId() };
  const entered = new WeakMap<FastifyRequest, Seen>();
  server.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    refuseTokenInUrl(request.url);
    if (!trusted) await limits.admitAddress(request, reply);
  });
  server.setErrorHandler(async (error, request, reply) => {
    const seen = entered.get(request) ?? { raw: request.raw, params: {} };
    // Who is refused is told so, whatever becomes of the entry.
    await routeAudit.refuse(seen, error).catch((fault: unknown) => report(fault, request, log));
    return refuse(error, request, reply, log);
  });
  server.setNotFoundHandler((request, reply) => {
    throw missing(request, reply);
  });
  addHealthRoutes(server, desk);
  // Made for the first who asks: it takes longer than everything else here.
  let document: string | undefined;
  server.get(`${base}/openapi.json`, async (_request, reply) => {
    document ??= JSON.stringify(describeApi(routes));
    return reply.type('application/json').send(document);
  });
  for (const route of routes) addRoute(route);
  await server.ready();

  function addRoute(route: Route): void {
    server.route({
      method: route.method,
      url: base + route.path,
      // Before the body is read: who may not ask sends nothing.
      onRequest: async (request, reply) => {
        const remember = (seen: Seen) => void entered.set(request, seen);
        remember(await enterRoute(surroundings, { route, request, reply, remember }));
      },
      handler: async (request, reply) => {
        const seen = entered.get(request) as Entered;
        const signal = signalOf(reply, closing.signal);
        return sendAnswer(await answerRoute(surroundings, seen, signal), reply, {
          requestId: request.id,
          signal,
          stillAllowed: () => recheckRoute(surroundings, seen),
          report: (error) => report(error, request, log),
        });
      },
    });
  }

  return {
    respond: (request, response) => server.routing(request, response),
    async close() {
      closing.abort(new Failure('shutting_down', 'Hawser is being stopped.'));
      await server.close();
    },
  };
}

const makeId = () => randomBytes(6).toString('hex');

/** For those who watch the server from outside: they need no token and learn no more than yes or no. */
function addHealthRoutes(app: FastifyInstance, desk: ApiDesk): void {
  app.get('/healthz', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const parts = await desk.readiness();
    const ready = parts.every((part) => part.ok);
    return reply.code(ready ? 200 : 503).send({ ready, parts: parts.map(({ name, ok }) => ({ name, ok })) });
  });
}

function sendAnswer(
  answer: Answer,
  reply: FastifyReply,
  options: Parameters<typeof openStream>[1],
): FastifyReply {
  if ('json' in answer) {
    return reply
      .code(answer.status ?? 200)
      .headers({ ...answer.headers })
      .send(answer.json);
  }
  const type = 'events' in answer ? 'text/event-stream; charset=utf-8' : 'text/plain; charset=utf-8';
  return reply.headers({ 'content-type': type, 'x-accel-buffering': 'no' }).send(openStream(answer, options));
}

/** Aborts when the asker is gone or the API closes. */
function signalOf(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}

function missing(request: FastifyRequest, reply: FastifyReply): Failure {
  const [path = ''] = request.url.split('?');
  const allowed = routes
    .filter((route) => new RegExp(`^${base}${route.path.replaceAll(/:\w+/g, '[^/]+')}/?$`).test(path))
    .map((route) => route.method);
  if (allowed.length === 0) return new Failure('route_not_found', 'There is nothing at this address.');
  reply.header('allow', allowed.join(', '));
  return new Failure('method_not_allowed', `This address takes ${allowed.join(', ')}.`);
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, log: ApiLog): FastifyReply {
  report(error, request, log);
  const problem: Problem = toProblem(error, request.id);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="Hawser"');
  // What is left of a body that was refused is not read.
  if (problem.status === 413) reply.header('connection', 'close');
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Only bugs are logged with their stack; a Failure is the asker's to read. */
function report(error: unknown, request: FastifyRequest, log: ApiLog): void {
  const { method } = request;
  const route = request.routeOptions?.url;
  const failure = toFailure(error);
  if (failure === undefined) {
    const { stack = String(error) } = Object(error) as { stack?: string };
    log.error({ requestId: request.id, method, route, stack }, 'a request failed for an unknown reason');
  } else if (failure.status >= 500) {
    log.warn(
      { requestId: request.id, method, route, code: failure.code, error: failure.message },
      'a request failed',
    );
  }
}
