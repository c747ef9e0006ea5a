import type { IncomingMessage } from 'node:http';
import { Failure } from '../failure.ts';
import { type Actor, allow, anyEnv, canGive, type Grant, type Right, type Target } from '../model/access.ts';
import type { App } from '../model/app.ts';
import type { Deploy } from '../model/deploy.ts';
import { identifyToken } from '../store/access/identify.ts';
import {
  appNotFound,
  appRenamed,
  findApp,
  findPlace,
  findRenamed,
  listPlaces,
  type Place,
} from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import { findDeploy } from '../store/deploys.ts';
import type { ApiDesk } from './desk.ts';
import type { Guests } from './guests.ts';
import { nameEnvironment } from './place.ts';
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
  const token = readBearer(request);
  if (token === undefined || headers.length > 1) {
    throw new Failure('token_malformed', 'The Authorization header is not "Bearer TOKEN".');
  }
  return (await guests?.find(token)) ?? (await identifyToken(db, token));
}

/** The token of the header, when it has the form. */
export function readBearer(request: IncomingMessage): string | undefined {
  return /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

export type Subject = { readonly app?: App; readonly deploy?: Deploy; readonly place?: Place };

type Asking = {
  readonly actor: Actor;
  readonly params: Readonly<Record<string, string>>;
};

/**
 * Finds what a route is about and decides whether the actor may; what one may not see does not exist. A route about
 * one environment is decided in full by `decideEnvironment` once its body is read. Throws `app_not_found`,
 * `deploy_not_found`, `not_allowed`.
 */
export async function findSubject(
  db: Database,
  { scope, right }: Pick<Route, 'scope' | 'right'>,
  { params, actor }: Asking,
): Promise<Subject> {
  if (right === null || scope === 'open') return {};
  if (scope === 'visible') return {};
  if (scope === 'installation') {
    requireRight(actor, right, null);
    return {};
  }
  if (scope === 'deploy') {
    const found = await findOwnDeploy(db, params, actor);
    requireRight(actor, right, { app: found.place.app, env: found.place.environment.name });
    return found;
  }
  const app = await getSeenApp(db, actor, params.app ?? '');
  requireRight(actor, right, scope === 'app' ? { app } : { app, env: anyEnv });
  return { app };
}

/** An app that somebody may see. Throws `app_not_found`. */
export async function getSeenApp(db: Database, actor: Actor, name: string): Promise<App> {
  const app = await findApp(db, name);
  if (app !== undefined && maySeeApp(actor, app)) return app;
  const renamed = app === undefined ? await findRenamed(db, name) : undefined;
  throw renamed !== undefined && maySeeApp(actor, renamed) ? appRenamed(name, renamed) : appNotFound(name);
}

/** The environments that somebody may see: of one app, or of one name, or all. Throws `app_not_found`. */
export async function listSeenPlaces(
  db: Database,
  actor: Actor,
  { app: name, env }: { readonly app?: string | undefined; readonly env?: string | undefined },
): Promise<readonly Place[]> {
  const app = name === undefined ? undefined : await getSeenApp(db, actor, name);
  return (await listPlaces(db, app?.id)).filter(
    (place) =>
      !place.destroyed && maySee(actor, place) && (env === undefined || env === place.environment.name),
  );
}

async function findOwnDeploy(db: Database, params: Readonly<Record<string, string>>, actor: Actor) {
  const id = params.id ?? '';
  const deploy = /^[1-9]\d{0,14}$/.test(id) ? await findDeploy(db, Number(id)) : undefined;
  const place = deploy && (await findPlace(db, deploy.environmentId));
  if (!deploy || !place || place.destroyed || !maySee(actor, place)) {
    throw new Failure(
      'deploy_not_found',
      `There is no deploy ${JSON.stringify(id.slice(0, 80))}, or you may not see it.`,
    );
  }
  return { deploy, place };
}

/** Whether an app is shown to somebody. */
export function maySeeApp(actor: Actor, app: App): boolean {
  return allow(actor, 'read', { app, env: anyEnv });
}

/** Whether an environment is shown to somebody. */
export function maySee(actor: Actor, { app, environment }: Pick<Place, 'app' | 'environment'>): boolean {
  return allow(actor, 'read', { app, env: environment.name });
}

/** The name of the environment that a request is about, said or not, once the right in it is seen. Throws `not_allowed`. */
export async function decideEnvironment(
  desk: Pick<ApiDesk, 'config' | 'db'>,
  { scope, right }: Pick<Route, 'scope' | 'right'>,
  { actor, app, input }: { readonly actor: Actor; readonly app: App | undefined; readonly input: unknown },
): Promise<string | null> {
  if (scope !== 'environment' || app === undefined) return null;
  const { env } = Object(input) as { env?: unknown };
  // What is no string is refused with the rest of the input.
  const name = await nameEnvironment(desk, app, typeof env === 'string' ? env : undefined);
  if (right !== null) requireRight(actor, right, { app, env: name });
  return name;
}

/** Throws `not_allowed`, which names the right, where it is needed, and what the asker has there. */
export function requireRight(actor: Actor, right: Right, target: NamedTarget): void {
  if (allow(actor, right, target)) return;
  const has = describeGrants(actor, target) || 'nothing there';
  throw new Failure(
    'not_allowed',
    `This needs the right "${right}" ${describeTarget(target)}; "${actor.name}" has: ${has}.`,
    { fix: `Ask for the right "${right}" ${describeTarget(target)}.` },
  );
}

/** Nobody gives, or takes away, more than they have. Throws `not_allowed`. */
export function refuseMoreThanOwn(actor: Actor, grant: Grant): void {
  if (canGive(actor, grant)) return;
  throw new Failure('not_allowed', `"${actor.name}" does not have all of that: ${grant.rights.join(', ')}.`);
}

type NamedTarget = (Exclude<Target, null> & { readonly app: Pick<App, 'id' | 'name'> }) | null;

function describeTarget(target: NamedTarget): string {
  if (target === null) return 'on the whole installation';
  const { app, env } = target;
  return typeof env === 'string' ? `in ${env} of the app ${app.name}` : `on the app ${app.name}`;
}

/** Of the grants those that are about the target, so that no other app is named. */
function describeGrants(actor: Actor, target: NamedTarget): string {
  return actor.grants
    .filter(({ appId }) => appId === null || target === null || appId === target.app.id)
    .map(({ appId, env, rights }) => {
      const bound = target === null && appId !== null ? ' for one app only' : '';
      return `${rights.join(', ')}${bound}${env === null ? '' : ` in ${env} only`}`;
    })
    .join('; ');
}
