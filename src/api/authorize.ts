import type { IncomingMessage } from 'node:http';
import { Failure } from '../failure.ts';
import { type Actor, allow, toActor } from '../model/access.ts';
import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import type { Right } from '../model/token.ts';
import { appNotFound, findApp, findPlace, type Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { findDeploy } from '../store/deploys.ts';
import { authenticate } from '../store/tokens.ts';
import type { Guests } from './guests.ts';
import type { Route } from './route.ts';

const tokenInside = /hw_[0-9A-Za-z]{43}_[0-9a-f]{8}/;
const tokenField = /[?&](?:token|access_token|bearer)=/i;

/** Addresses end up in logs: a token there is refused, whatever else the request is. Throws `token_in_url`. */
export function refuseTokenInUrl(url: string): void {
  if (!tokenInside.test(url) && !tokenField.test(url)) return;
  throw new Failure('token_in_url', 'The address has a token in it, where logs would keep it.');
}

/** Who asks. Throws `token_missing`, `token_malformed` and what `authenticate` throws. */
export async function readActor(db: Database, request: IncomingMessage, guests?: Guests): Promise<Actor> {
  const headers = request.headersDistinct.authorization ?? [];
  const [header] = headers;
  if (header === undefined) {
    throw new Failure('token_missing', 'This needs a token.', {
      fix: 'Send "Authorization: Bearer TOKEN"; hawser tokens:create makes one.',
    });
  }
  const token = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
  if (token === undefined || headers.length > 1) {
    throw new Failure('token_malformed', 'The Authorization header is not "Bearer TOKEN".');
  }
  return (await guests?.find(token)) ?? toActor(await authenticate(db, token));
}

export type Subject = { readonly app?: App; readonly deploy?: Deploy; readonly place?: Place };

/**
 * Finds what a route is about and decides whether the actor may; what one may not see does not exist.
 * Throws `app_not_found`, `deploy_not_found`, `not_allowed`.
 */
export async function findSubject(
  db: Database,
  { scope, right }: Pick<Route, 'scope' | 'right'>,
  params: Readonly<Record<string, string>>,
  actor: Actor,
): Promise<Subject> {
  if (right === null || scope === 'open') return {};
  if (scope === 'visible') return {};
  if (scope === 'installation') {
    if (!allow(actor, right, null)) throw notAllowed(actor, right, 'on the whole installation');
    return {};
  }
  const subject =
    scope === 'app' ? await findOwnApp(db, params, actor) : await findOwnDeploy(db, params, actor);
  const app = 'place' in subject ? subject.place.app : subject.app;
  if (!allow(actor, right, app)) throw notAllowed(actor, right, `on the app ${app.name}`);
  return subject;
}

async function findOwnApp(db: Database, params: Readonly<Record<string, string>>, actor: Actor) {
  const name = params.app ?? '';
  const app = await findApp(db, name);
  if (app === undefined || !allow(actor, 'read', app)) throw appNotFound(name);
  return { app };
}

async function findOwnDeploy(db: Database, params: Readonly<Record<string, string>>, actor: Actor) {
  const id = params.id ?? '';
  const deploy = /^[1-9]\d{0,14}$/.test(id) ? await findDeploy(db, Number(id)) : undefined;
  const place = deploy && (await findPlace(db, deploy.environmentId));
  if (!deploy || !place || place.destroyed || !allow(actor, 'read', place.app)) {
    throw new Failure(
      'deploy_not_found',
      `There is no deploy ${JSON.stringify(id.slice(0, 80))}, or you may not see it.`,
    );
  }
  return { deploy, place };
}

function notAllowed(actor: Actor, right: Right, where: string): Failure {
  const bound = actor.appId === null ? '' : ', for one app only';
  return new Failure(
    'not_allowed',
    `This needs the right "${right}" ${where}; the token "${actor.name}" has: ${actor.rights.join(', ')}${bound}.`,
    { fix: `Ask for a token with that right: hawser tokens:create --can ${right}.` },
  );
}
