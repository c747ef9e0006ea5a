import { getApp } from '../../store/apps.ts';
import { createToken, listTokens, revokeToken } from '../../store/tokens.ts';
import { newToken, nothing } from '../input.ts';
import { type Route, route } from '../route.ts';
import { describeCredential, describeCredentials, remoteOf } from '../view.ts';

export const tokenRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tokens',
    scope: 'installation',
    right: 'admin',
    title: 'Lists the tokens, never their secrets',
    query: nothing,
    body: nothing,
    async answer({ desk }) {
      const items = await describeCredentials(desk.db, await listTokens(desk.db));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/tokens',
    scope: 'installation',
    right: 'admin',
    title: 'Makes a token and shows it this once',
    query: nothing,
    body: newToken,
    async answer({ desk, actor, body }) {
      const app = body.app === undefined ? null : await getApp(desk.db, body.app);
      const rights = [...new Set(body.rights)];
      const made = await createToken(desk.db, {
        name: body.name ?? `${app?.name ?? 'all apps'} ${rights.join(' ')}`,
        appId: app?.id ?? null,
        env: body.env ?? null,
        rights,
        days: body.days,
        actor: actor.name,
      });
      const remote = app === null ? null : remoteOf(desk.config, app.name);
      return {
        status: 201,
        json: { ...describeCredential(made.record, app?.name ?? null), remote, token: made.token },
      };
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/:token',
    scope: 'installation',
    right: 'admin',
    title: 'Revokes a token by its id or name',
    query: nothing,
    body: nothing,
    async answer({ desk, params }) {
      const token = await revokeToken(desk.db, params.token ?? '');
      return { json: { id: token.id, name: token.name, revokedAt: token.revokedAt } };
    },
  }),
];
