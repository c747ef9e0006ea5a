import { allow } from '../../model/access.ts';
import { createToken, listTokens, revokeToken } from '../../store/access/tokens.ts';
import { recordChange } from '../../store/audit/audit.ts';
import { newToken, nothing } from '../input.ts';
import { boundCredential, isOwn, refuseBorrowed } from '../own-credential.ts';
import { type Route, route } from '../route.ts';
import { describeCredentials, remoteOf } from '../view.ts';

/** Users have the tokens that they made, administrators all. */
export const tokenRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tokens',
    scope: 'visible',
    right: 'read',
    title: 'Lists the own tokens, or all for an administrator; never their secrets',
    query: nothing,
    body: nothing,
    listBy: ['createdAt', 'id'],
    async answer({ desk, actor }) {
      const shown = (await listTokens(desk.db)).filter((token) => isOwn(actor, token));
      return { json: { items: await describeCredentials(desk.db, shown), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/tokens',
    scope: 'visible',
    right: 'read',
    title: 'Makes a token and shows it this once; it never exceeds nor outlives its user',
    query: nothing,
    body: newToken,
    shownOnce: true,
    async answer({ desk, actor, body }) {
      const { app, ...bounds } = await boundCredential(desk, actor, body, ['push']);
      const where = app?.name ?? 'all apps';
      const name = body.name ?? `${where} ${bounds.rights.join(' ')}`;
      const wanted = { ...bounds, name, days: body.days, actor: actor.name };
      const made = await recordChange(desk.db, (tx) => createToken(tx, wanted));
      const remote = app === null ? null : remoteOf(desk.config, app.name);
      const [shown] = await describeCredentials(desk.db, [made.record]);
      return { status: 201, json: { ...shown, remote, token: made.token } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/:token',
    scope: 'visible',
    right: 'read',
    title: 'Revokes an own token by its id or name, or any for an administrator',
    query: nothing,
    body: nothing,
    async answer({ desk, actor, params }) {
      refuseBorrowed(actor);
      const ofUser = allow(actor, 'admin', null) ? null : (actor.userId ?? '');
      const which = params.token ?? '';
      const token = await recordChange(desk.db, (tx) => revokeToken(tx, which, { ofUser }));
      return { json: { id: token.id, name: token.name, revokedAt: token.revokedAt } };
    },
  }),
];
