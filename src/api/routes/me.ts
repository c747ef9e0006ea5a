import { Failure } from '../../failure.ts';
import { formatTotpUri } from '../../model/totp.ts';
import { type ClaimPurpose, checkClaim, takeClaim } from '../../store/access/claims.ts';
import { createSession, endSession } from '../../store/access/sessions.ts';
import { confirmTotp, removeTotp, wantTotp } from '../../store/access/totp.ts';
import { addUser, getUserRow, listUsers, setPassword, toUser, type User } from '../../store/access/users.ts';
import { recordChange } from '../../store/audit/audit.ts';
import type { Database } from '../../store/database.ts';
import { recordEvent } from '../../store/events.ts';
import type { Tables } from '../../store/tables.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { acceptBody, codeBody, currentBody, loginBody, ownPasswordBody, setupBody } from '../input-users.ts';
import { type Route, route } from '../route.ts';
import { confirmSelf, hashNewPassword, readSelf, signIn } from '../sign-in.ts';
import { describeGrantList } from './access.ts';
import { describeUser, eventOf } from './users.ts';

/** Who comes in, and what everybody does for themselves. */
export const meRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/setup',
    scope: 'open',
    right: null,
    title: 'Makes the first owner, with the one-time token that the first start printed',
    query: nothing,
    body: setupBody,
    async answer(asked) {
      const { user, session } = await enterByClaim(asked, 'setup', async (tx, _claim, hash) => {
        if ((await listUsers(tx)).some(({ isOwner }) => isOwner)) {
          throw new Failure('setup_done', 'There is an owner already.');
        }
        const made = await addUser(tx, { name: asked.body.name, hash, isOwner: true, actor: 'setup' });
        await recordEvent(tx, eventOf('setup', made.name, made));
        return made;
      });
      return { status: 201, json: { ...describeUser(user), ...session } };
    },
  }),
  route({
    method: 'POST',
    path: '/login',
    scope: 'open',
    right: null,
    title: 'Begins a session with a name and a password, and a code where one is asked for',
    query: nothing,
    body: loginBody,
    async answer({ desk, body, address, signal }) {
      const user = await signIn(desk, { ...body, address, signal });
      const event = { ...eventOf('login', user.name, user), detail: `from ${address}` };
      const session = await desk.db.transaction().execute(async (tx) => {
        await recordEvent(tx, event);
        return createSession(tx, user.id);
      });
      return { json: { name: user.name, ...session } };
    },
  }),
  route({
    method: 'POST',
    path: '/logout',
    scope: 'visible',
    right: 'read',
    title: 'Ends the session that asks',
    query: nothing,
    body: nothing,
    async answer({ desk, actor }) {
      if (actor.kind !== 'user') return { json: { ended: false } };
      return { json: { ended: await recordChange(desk.db, (tx) => endSession(tx, actor.via ?? '')) } };
    },
  }),
  route({
    method: 'POST',
    path: '/invitations/accept',
    scope: 'open',
    right: null,
    title: 'Sets the first password of a user who was invited',
    query: nothing,
    body: acceptBody,
    async answer(asked) {
      const { user, session } = await enterByClaim(asked, 'invitation', async (tx, claim, hash) => {
        const invited = toUser(await getUserRow(tx, claim.user_id ?? ''));
        await setPassword(tx, invited.id, hash, null);
        await recordEvent(tx, eventOf('users:accept', invited.name, invited));
        return invited;
      });
      return { status: 201, json: { name: user.name, ...session } };
    },
  }),
  route({
    method: 'GET',
    path: '/me',
    scope: 'visible',
    right: 'read',
    title: 'Who asks, and what they may',
    query: nothing,
    body: nothing,
    async answer({ desk, actor }) {
      const grants = await describeGrantList(desk.db, actor.grants);
      return { json: { name: actor.name, kind: actor.kind, user: actor.userId !== null, grants } };
    },
  }),
  route({
    method: 'POST',
    path: '/me/password',
    scope: 'visible',
    right: 'read',
    title: 'Changes the own password and ends the other sessions',
    query: nothing,
    body: ownPasswordBody,
    async answer({ desk, actor, body, address, signal }) {
      const { id, name } = await readSelf(desk.db, actor);
      await confirmSelf(desk, { name, password: body.current, address, signal });
      const hash = await hashNewPassword(desk, body.password, signal);
      await desk.db.transaction().execute(async (tx) => {
        await setPassword(tx, id, hash, actor.via ?? null);
        await recordEvent(tx, eventOf('users:passwd', name, { name }));
      });
      return { json: { name, changed: true } };
    },
  }),
  route({
    method: 'POST',
    path: '/me/totp',
    scope: 'visible',
    right: 'read',
    title: 'A secret for the phone; it counts once a code of it is confirmed',
    query: nothing,
    body: currentBody,
    shownOnce: true,
    async answer({ desk, actor, body, address, signal }) {
      const { id, name } = await readSelf(desk.db, actor);
      await confirmSelf(desk, { name, password: body.current, address, signal });
      const secret = await recordChange(desk.db, (tx) => wantTotp(tx, id));
      return { status: 201, json: { secret, uri: formatTotpUri('Hawser', name, secret) } };
    },
  }),
  route({
    method: 'POST',
    path: '/me/totp/confirm',
    scope: 'visible',
    right: 'read',
    title: 'From now on a code is asked for at login; answers with the recovery codes, this once',
    query: nothing,
    body: codeBody,
    shownOnce: true,
    async answer({ desk, actor, body }) {
      const user = await readSelf(desk.db, actor);
      const recoveryCodes = await desk.db.transaction().execute(async (tx) => {
        const codes = await confirmTotp(tx, user, body.code);
        if (codes === null) throw new Failure('login_failed', 'That is not the code of this moment.');
        await recordEvent(tx, eventOf('totp:enable', user.name, user));
        return codes;
      });
      return { json: { enabled: true, recoveryCodes } };
    },
  }),
  route({
    method: 'POST',
    path: '/me/totp/disable',
    scope: 'visible',
    right: 'read',
    title: 'No code is asked for any more',
    query: nothing,
    body: currentBody,
    async answer({ desk, actor, body, address, signal }) {
      const { id, name } = await readSelf(desk.db, actor);
      await confirmSelf(desk, { name, password: body.current, address, signal });
      await desk.db.transaction().execute(async (tx) => {
        await removeTotp(tx, id);
        await recordEvent(tx, eventOf('totp:disable', name, { name }));
      });
      return { json: { enabled: false } };
    },
  }),
];

type ClaimAsked = {
  readonly desk: ApiDesk;
  readonly body: { readonly token: string; readonly password: string };
  readonly signal: AbortSignal;
};

/** Uses a one-time token up for what `enter` makes of it and of the new password, and begins a session: all or nothing. */
async function enterByClaim(
  { desk, body, signal }: ClaimAsked,
  purpose: ClaimPurpose,
  enter: (tx: Database, claim: Tables['claims'], hash: string) => Promise<User>,
) {
  await checkClaim(desk.db, purpose, body.token);
  const hash = await hashNewPassword(desk, body.password, signal);
  return desk.db.transaction().execute(async (tx) => {
    const user = await enter(tx, await takeClaim(tx, purpose, body.token), hash);
    return { user, session: await createSession(tx, user.id) };
  });
}
