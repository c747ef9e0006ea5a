import { Failure } from '../../failure.ts';
import type { Actor, Grant, Role } from '../../model/access.ts';
import type { App } from '../../model/app.ts';
import {
  type GivenRole,
  getGrant,
  listGrants,
  removeGrant,
  setGrant,
  toGrant,
} from '../../store/access/grants.ts';
import { getUser, listUsers, setOwner, type User } from '../../store/access/users.ts';
import type { Database } from '../../store/database.ts';
import { recordEvent } from '../../store/events.ts';
import { type AppNames, nameApp, readAppNames } from '../app-names.ts';
import { refuseMoreThanOwn } from '../authorize.ts';
import type { ApiDesk } from '../desk.ts';
import { envQuery, nothing } from '../input.ts';
import { accessBody } from '../input-users.ts';
import { type Route, route } from '../route.ts';

/** Who has which role where: on the installation by owners, on an app by its admins too. */
export const accessRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/access',
    scope: 'installation',
    right: 'admin',
    title: 'Lists who has which role where',
    query: nothing,
    body: nothing,
    listBy: ['user', 'app', 'env'],
    answer: async ({ desk }) => ({ json: { items: await listAccess(desk.db, null), next: null } }),
  }),
  route({
    method: 'POST',
    path: '/access',
    scope: 'installation',
    right: 'admin',
    title: 'Gives a user a role on all apps, or makes an owner',
    query: nothing,
    body: accessBody,
    answer: ({ desk, actor, body }) => give(desk, actor, null, body),
  }),
  route({
    method: 'DELETE',
    path: '/access/:user',
    scope: 'installation',
    right: 'admin',
    title: 'Takes away what a user has on all apps, being an owner too',
    query: envQuery,
    body: nothing,
    answer: ({ desk, actor, params, query }) =>
      take(desk, actor, null, { user: params.user ?? '', env: query.env }),
  }),
  route({
    method: 'GET',
    path: '/apps/:app/access',
    scope: 'app',
    right: 'admin',
    title: 'Lists who has which role on an app',
    query: nothing,
    body: nothing,
    listBy: ['user', 'env'],
    answer: async ({ desk, app }) => ({ json: { items: await listAccess(desk.db, app), next: null } }),
  }),
  route({
    method: 'POST',
    path: '/apps/:app/access',
    scope: 'app',
    right: 'admin',
    title: 'Gives a user a role on an app, or in one environment of it',
    query: nothing,
    body: accessBody,
    answer: ({ desk, actor, app, body }) => give(desk, actor, app, body),
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/access/:user',
    scope: 'app',
    right: 'admin',
    title: 'Takes the role of a user on an app, or in one environment of it, away',
    query: envQuery,
    body: nothing,
    answer: ({ desk, actor, app, params, query }) =>
      take(desk, actor, app, { user: params.user ?? '', env: query.env }),
  }),
];

type Wanted = { readonly user: string; readonly role: Role; readonly env?: string | undefined };

/** Throws `role_not_here`, `not_allowed`, `user_not_found`. */
async function give({ db }: ApiDesk, actor: Actor, app: App | null, { user: name, role, env }: Wanted) {
  const isWhole = env === undefined;
  const fits = role === 'owner' ? isWhole && app === null : role !== 'admin' || (isWhole && app !== null);
  if (!fits) {
    throw new Failure('role_not_here', `${role} is not a role in that place.`);
  }
  await db.transaction().execute(async (tx) => {
    const user = await getUser(tx, name);
    const detail = `${name} ${role}`;
    const event = { actor: actor.name, action: 'access:grant', appId: app?.id ?? null, env: env ?? null };
    await recordEvent(tx, { ...event, detail });
    if (role === 'owner') return setOwner(tx, user, true);
    const given = { userId: user.id, appId: app?.id ?? null, env: env ?? null, role };
    refuseMoreThanOwn(actor, toGrant(given));
    await setGrant(tx, given, actor.name);
  });
  return { status: 201, json: { user: name, app: app?.name ?? null, env: env ?? null, role } };
}

/** Throws `grant_not_found`, `last_owner`, `not_allowed`, `user_not_found`. */
async function take(
  { db }: ApiDesk,
  actor: Actor,
  app: App | null,
  { user: name, env = null }: { user: string; env?: string | null | undefined },
) {
  await db.transaction().execute(async (tx) => {
    const user = await getUser(tx, name);
    const event = { actor: actor.name, action: 'access:revoke', appId: app?.id ?? null, env };
    await recordEvent(tx, { ...event, detail: name });
    const isOwnership = user.isOwner && app === null && env === null;
    if (isOwnership) await setOwner(tx, user, false);
    const place = { userId: user.id, appId: app?.id ?? null, env };
    const given = isOwnership ? null : await getGrant(tx, place);
    if (given !== null) refuseMoreThanOwn(actor, toGrant(given));
    await removeGrant(tx, place);
  });
  return { json: { user: name, app: app?.name ?? null, env, removed: true } };
}

async function listAccess(db: Database, app: App | null) {
  const users = new Map((await listUsers(db)).map((user) => [user.id, user]));
  const names = await readAppNames(db);
  const owners = [...users.values()].filter((user) => user.isOwner && app === null);
  const given = (await listGrants(db, app === null ? {} : { appId: app.id })).flatMap((each) => {
    const user = users.get(each.userId);
    return user === undefined ? [] : [describeGiven(user, each, names)];
  });
  return [...owners.map((user) => ({ user: user.name, app: null, env: null, role: 'owner' })), ...given];
}

function describeGiven(user: User, { appId, env, role }: GivenRole, names: AppNames) {
  return { user: user.name, app: nameApp(names, appId), env, role };
}

/** Grants with the names of their apps. */
export async function describeGrantList(db: Database, grants: readonly Grant[]) {
  const names = await readAppNames(db);
  return grants.map(({ appId, env, rights }) => ({ app: nameApp(names, appId), env, rights }));
}
