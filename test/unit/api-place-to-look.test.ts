import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeToLook } from '../../src/api/place-to-look.ts';
import { routes } from '../../src/api/routes.ts';

test('who is told to look first is told an address that there is, for everything that can be cut off', () => {
  const readable = routes.filter(({ method }) => method === 'GET').map(({ path }) => path);
  for (const { method, path } of routes) {
    if (method === 'GET') continue;
    const [look = ''] = placeToLook({ path }, `/api/v1${path}?force=true`)
      .replace('GET /api/v1', '')
      .split('?');
    assert.ok(readable.includes(look), `${method} ${path}: ${look}`);
  }
});

test('it is the nearest one, and the deploys of the app for what makes a deploy', () => {
  const cases = [
    ['/deploys/:id/cancel', '/deploys/5/cancel', '/deploys/5'],
    ['/users/:user/password', '/users/ada/password', '/users'],
    ['/servers/:server/drain', '/servers/app1/drain', '/servers/app1'],
    ['/servers/invitations', '/servers/invitations', '/servers'],
    ['/apps/:app/webhooks', '/apps/shop/webhooks', '/apps/shop/webhooks'],
    ['/apps/:app/lock', '/apps/shop/lock?env=staging', '/apps/shop'],
    ['/apps/:app/config', '/apps/shop/config', '/deploys?app=shop'],
    ['/logout', '/logout', '/events'],
  ] as const;
  for (const [path, url, look] of cases) {
    assert.equal(placeToLook({ path }, `/api/v1${url}`), `GET /api/v1${look}`);
  }
});
