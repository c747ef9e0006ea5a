import { createClaim } from '../../store/access/claims.ts';
import {
  addUser,
  getUser,
  listUsers,
  setDisabled,
  setPassword,
  type User,
} from '../../store/access/users.ts';
import { recordEvent } from '../../store/events.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { inviteBody, newUserBody, passwordBody } from '../input-users.ts';
import { type Route, route } from '../route.ts';
import { hashNewPassword } from '../sign-in.ts';

/** People who may log in; who may do what is in routes/access.ts. */
export const userRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/users',
    scope: 'installation',
    right: 'admin',
    title: 'Lists the users',
    query: nothing,
    body: nothing,
    listBy: ['name'],
    answer: async ({ desk }) => ({
      json: { items: (await listUsers(desk.db)).map(describeUser), next: null },
    }),
  }),
  route({
    method: 'POST',
    path: '/users',
    scope: 'installation',
    right: 'admin',
    title: 'Makes a user with a password',
    query: nothing,
    body: newUserBody,
    async answer({ desk, actor, body, signal }) {
      const hash = await hashNewPassword(desk, body.password, signal);
      const user = await desk.db.transaction().execute(async (tx) => {
        const wanted = { name: body.name, hash, isOwner: false, actor: actor.name };
        const made = await addUser(tx, wanted);
        await recordEvent(tx, eventOf('users:create', actor.name, made));
        return made;
      });
      return { status: 201, json: describeUser(user) };
    },
  }),
  route({
    method: 'POST',
    path: '/users/invite',
    scope: 'installation',
    right: 'admin',
    title: 'Makes a user and a one-time token with which they set their password; again: a fresh token',
    query: nothing,
    body: inviteBody,
    shownOnce: true,
    async answer({ desk, actor, body }) {
      const { user, invitation } = await invite(desk, body.name, actor.name);
      const { token, expiresAt } = invitation;
      return { status: 201, json: { ...describeUser(user), token, expiresAt, url: desk.config.url } };
    },
  }),
  route({
    method: 'POST',
    path: '/users/:user/password',
    scope: 'installation',
    right: 'admin',
    title: 'Sets the password of a user and ends their sessions',
    query: nothing,
    body: passwordBody,
    async answer({ desk, actor, params, body, signal }) {
      const user = await getUser(desk.db, params.user ?? '');
      const hash = await hashNewPassword(desk, body.password, signal);
      await desk.db.transaction().execute(async (tx) => {
        await setPassword(tx, user.id, hash, null);
        await recordEvent(tx, eventOf('users:passwd', actor.name, user));
      });
      return { json: { name: user.name, changed: true } };
    },
  }),
  ...[true, false].map((isDisabled) =>
    route({
      method: 'POST',
      path: `/users/:user/${isDisabled ? 'disable' : 'enable'}`,
      scope: 'installation',
      right: 'admin',
      title: isDisabled
        ? 'Makes a user, and every session, token and key of theirs, worthless at once'
        : 'Lets a user in again',
      query: nothing,
      body: nothing,
      async answer({ desk, actor, params }) {
        const name = params.user ?? '';
        await desk.db.transaction().execute(async (tx) => {
          const user = await getUser(tx, name);
          await setDisabled(tx, user, isDisabled);
          const action = isDisabled ? 'users:disable' : 'users:enable';
          await recordEvent(tx, eventOf(action, actor.name, user));
        });
        return { json: describeUser(await getUser(desk.db, name)) };
      },
    }),
  ),
];

/** One who did not accept yet is invited anew. Throws `user_exists`. */
async function invite({ db }: ApiDesk, name: string, actor: string) {
  return db.transaction().execute(async (tx) => {
    const known = (await listUsers(tx)).find((user) => user.name === name && !user.hasPassword);
    const user = known ?? (await addUser(tx, { name, hash: null, isOwner: false, actor }));
    const invitation = await createClaim(tx, { purpose: 'invitation', userId: user.id, actor });
    await recordEvent(tx, eventOf('users:invite', actor, user));
    return { user, invitation };
  });
}

/** Of what was done to a user. */
export function eventOf(action: string, actor: string, user: Pick<User, 'name'>) {
  return { actor, action, appId: null, env: null, detail: user.name };
}

/** A user as the API shows one. */
export function describeUser({ name, isOwner, hasTotp, hasPassword, ...user }: User) {
  const { createdAt, createdBy, disabledAt } = user;
  const state = disabledAt !== null ? 'disabled' : hasPassword ? 'active' : 'invited';
  return { name, state, owner: isOwner, totp: hasTotp, createdAt, createdBy, disabledAt };
}
