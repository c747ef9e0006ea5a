import { isDeepStrictEqual } from 'node:util';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from '../failure.ts';
import { type Actor, nobody, operator } from '../model/access.ts';
import type { App } from '../model/app.ts';
import { plainAddress } from '../model/audit.ts';
import { cutAnswer, readInput, readWish } from './ask.ts';
import type { RouteAudit, Seen } from './audit.ts';
import { decideEnvironment, findSubject, readActor, type Subject } from './authorize.ts';
import type { ApiDesk } from './desk.ts';
import type { EventFeed } from './event-feed.ts';
import type { Guests } from './guests.ts';
import { answerOnce, ownerOf, readKey } from './idempotency.ts';
import { choosePlace, ensurePlace } from './place.ts';
import { placeToLook } from './place-to-look.ts';
import type { RequestLimits } from './request-limits.ts';
import type { Answer, Route } from './route.ts';

/** What one listener of the API has beside its desk. */
export type Surroundings = {
  readonly desk: ApiDesk;
  /** Of the administrator's own door. */
  readonly trusted: boolean;
  readonly guests: Guests | undefined;
  readonly limits: RequestLimits;
  readonly feed: EventFeed;
  readonly routeAudit: RouteAudit;
  /** This run of the server. */
  readonly boot: string;
};

/** Somebody who was let in, with what they ask. */
export type Entered = Seen & {
  readonly route: Route;
  readonly request: FastifyRequest;
  readonly actor: Actor;
  readonly subject: Subject;
  /** Why it may not be done: told once it is seen that it was not done before. */
  readonly refusal: unknown;
};

export type Entering = Pick<Entered, 'route' | 'request'> & {
  readonly reply: FastifyReply;
  /** What is known is told as it becomes known, for whoever is refused. */
  remember(seen: Seen): void;
};

/** Finds who asks and whether they may, before the body is read. Throws what `readActor` and `findSubject` throw. */
export async function enterRoute(
  { desk, trusted, guests, limits }: Surroundings,
  { route, request, reply, remember }: Entering,
): Promise<Entered> {
  const params = request.params as Record<string, string>;
  const seen = { raw: request.raw, route, params };
  remember(seen);
  const given = trusted ? operator : route.right === null ? nobody : null;
  const actor = given ?? (await readActor(desk.db, request.raw, guests));
  if (!trusted) await limits.admitActor(actor, request, reply);
  const known = { ...seen, request, actor };
  remember(known);
  try {
    const subject = await findSubject(desk.db, route, { params, actor });
    return { ...known, subject, refusal: undefined };
  } catch (refusal) {
    // What a write did away with is not found when the same is asked again.
    if (readKeyOf(route, request) === undefined) throw refusal;
    return { ...known, subject: {}, refusal };
  }
}

/** The answer, acted for only once for each `Idempotency-Key`. Throws what the route throws. */
export async function answerRoute(
  surroundings: Surroundings,
  entered: Entered,
  signal: AbortSignal,
): Promise<Answer> {
  const { desk, boot } = surroundings;
  const { route, request, actor, refusal } = entered;
  const key = readKeyOf(route, request);
  if (key === undefined) return performRoute(surroundings, entered, signal);
  const { method, url, body, headers } = request;
  const asked = {
    ...{ key, actor, boot, body, ...ownerOf(actor, headers.authorization, boot) },
    request: `${method} ${url}`,
    look: placeToLook(route, url),
    keepsAnswer: route.shownOnce !== true,
  };
  return answerOnce(desk.db, asked, async () => {
    if (refusal !== undefined) throw refusal;
    return performRoute(surroundings, entered, signal);
  });
}

async function performRoute(
  { desk, feed, routeAudit }: Surroundings,
  seen: Entered,
  signal: AbortSignal,
): Promise<Answer> {
  const { route, request, actor, subject, params } = seen;
  const { app } = subject;
  const env = await decideEnvironment(desk, route, { actor, app, input: inputOf(request) });
  const { page, query, body } = readInput(route, request);
  const place = await findPlaceOf(desk, { route, app, env });
  const asked = {
    ...{ desk, feed, actor, query, body, signal, params },
    ...place,
    ...subject,
    address: plainAddress(request.raw.socket.remoteAddress),
    lastEventId: request.headers['last-event-id'] as string | undefined,
    ifMatch: request.headers['if-match'],
    wants: readWish(request),
  };
  const about = place.place ?? subject.place;
  const names = { app: app?.name ?? about?.app.name, env: about?.environment.name };
  const answer = await routeAudit.perform({ ...seen, ...names, body }, () => route.answer(asked));
  return cutAnswer(route, answer, page);
}

/** Whether they still may, for what takes long. Throws once they may not. */
export async function recheckRoute(
  { desk, trusted, guests }: Surroundings,
  { route, request, subject: { app }, actor: before }: Entered,
): Promise<void> {
  if (trusted) return;
  const actor = await readActor(desk.db, request.raw, guests);
  // What one sees of everything is chosen by what one might when it began.
  if (route.scope === 'visible' && !isDeepStrictEqual(actor.grants, before.grants)) {
    throw new Failure('not_allowed', 'What you may see has changed.', { fix: 'Connect again.' });
  }
  await findSubject(desk.db, route, { params: request.params as Record<string, string>, actor });
  await decideEnvironment(desk, route, { actor, app, input: inputOf(request) });
}

function inputOf({ query, body }: FastifyRequest): object {
  return { ...(query as object), ...Object(body) };
}

async function findPlaceOf(
  desk: ApiDesk,
  { route, app, env }: { route: Route; app: App | undefined; env: string | null },
) {
  if (app === undefined || env === null) return { place: undefined };
  return { place: await (route.ensures ? ensurePlace(desk, app, env) : choosePlace(desk.db, app, env)) };
}

/** Of what is open to everybody nobody has keys. */
function readKeyOf({ method, right }: Route, { headers }: FastifyRequest): string | undefined {
  return method === 'GET' || right === null ? undefined : readKey(headers['idempotency-key']);
}
