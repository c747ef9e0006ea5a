import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { makeToken as makeUnknownToken, type Right } from '../../src/model/token.ts';
import { createApp } from '../../src/store/apps.ts';
import { createToken, revokeToken } from '../../src/store/tokens.ts';
import { openApiWorld } from '../support/api-world.ts';

/** Who needs what, written down a second time: a route that is added or changed must be added or changed here. */
const declared: Readonly<Record<string, string>> = {
  'GET /apps': 'visible read',
  'POST /apps': 'installation create',
  'GET /apps/:app': 'app read',
  'DELETE /apps/:app': 'app admin',
  'GET /deploys': 'visible read',
  'GET /deploys/:id': 'deploy read',
  'GET /deploys/:id/log': 'deploy read',
  'POST /deploys/:id/cancel': 'deploy deploy',
  'POST /deploys/:id/continue': 'deploy deploy',
  'POST /deploys/:id/abort': 'deploy deploy',
  'POST /deploys/:id/retry': 'deploy deploy',
  'GET /apps/:app/releases': 'app read',
  'GET /apps/:app/releases/:version': 'app read',
  'POST /apps/:app/rollback': 'app deploy',
  'GET /apps/:app/pipeline': 'app read',
  'GET /apps/:app/pipeline/diff': 'app read',
  'POST /apps/:app/promote': 'app deploy',
  'GET /approvals': 'visible read',
  'POST /deploys/:id/grant': 'deploy deploy',
  'POST /deploys/:id/deny': 'deploy deploy',
  'GET /freezes': 'installation read',
  'POST /freezes': 'installation admin',
  'DELETE /freezes/:freeze': 'installation admin',
  'GET /apps/:app/freezes': 'app read',
  'POST /apps/:app/freezes': 'app admin',
  'DELETE /apps/:app/freezes/:freeze': 'app admin',
  'POST /apps/:app/lock': 'app deploy',
  'DELETE /apps/:app/lock': 'app deploy',
  'GET /apps/:app/config': 'app read',
  'POST /apps/:app/config': 'app deploy',
  'POST /apps/:app/scale': 'app deploy',
  'POST /apps/:app/restart': 'app deploy',
  'GET /apps/:app/domains': 'app read',
  'POST /apps/:app/domains': 'app deploy',
  'POST /apps/:app/maintenance': 'app deploy',
  'DELETE /apps/:app/maintenance': 'app deploy',
  'GET /apps/:app/ps': 'app read',
  'GET /apps/:app/docker': 'app admin',
  'GET /apps/:app/logs': 'app read',
  'GET /servers': 'installation read',
  'GET /servers/:server': 'installation read',
  'POST /servers/host-key': 'installation admin',
  'POST /servers': 'installation admin',
  'DELETE /servers/:server': 'installation admin',
  'POST /servers/:server/drain': 'installation admin',
  'DELETE /servers/:server/drain': 'installation admin',
  'POST /servers/invitations': 'installation admin',
  'POST /servers/join': 'open null',
  'GET /servers/:server/host-key': 'installation admin',
  'POST /servers/:server/trust': 'installation admin',
  'GET /servers/:server/doctor': 'installation admin',
  'GET /tokens': 'installation admin',
  'POST /tokens': 'installation admin',
  'DELETE /tokens/:token': 'installation admin',
  'GET /keys': 'installation admin',
  'POST /keys': 'installation admin',
  'DELETE /keys/:key': 'installation admin',
  'GET /disk': 'installation admin',
  'POST /disk/prune': 'installation admin',
  'GET /installation': 'visible read',
  'GET /apply': 'installation admin',
  'POST /apply': 'installation admin',
  'GET /doctor': 'installation admin',
};

type Owner = 'shop' | 'blog' | 'all';
const bearers: Readonly<Record<string, { of: Owner; can: Right }>> = {
  'read shop': { of: 'shop', can: 'read' },
  'push shop': { of: 'shop', can: 'push' },
  'deploy shop': { of: 'shop', can: 'deploy' },
  'admin shop': { of: 'shop', can: 'admin' },
  'admin blog': { of: 'blog', can: 'admin' },
  'read all': { of: 'all', can: 'read' },
  'deploy all': { of: 'all', can: 'deploy' },
  'create all': { of: 'all', can: 'create' },
  'admin all': { of: 'all', can: 'admin' },
};

/** What each right is enough for. */
const enough: Readonly<Record<Right, readonly string[]>> = {
  read: ['read'],
  push: ['read', 'push'],
  deploy: ['read', 'deploy'],
  create: ['read', 'push', 'create'],
  admin: ['read', 'push', 'deploy', 'create', 'admin'],
};

// Refused for a field that nobody knows: the asker was let in, and nothing was done.
const letIn = '400 unknown_field';

function expected(need: string, { of, can }: { of: Owner; can: Right }): string {
  const [scope = '', right = ''] = need.split(' ');
  const may = enough[can].includes(right);
  if (scope === 'visible' || scope === 'open') return letIn;
  if (scope === 'installation') return of === 'all' && may ? letIn : '403 not_allowed';
  if (of === 'blog') return scope === 'app' ? '404 app_not_found' : '404 deploy_not_found';
  return may ? letIn : '403 not_allowed';
}

test('every route is in the table, with its right', () => {
  const served = routes.map(({ method, path, scope, right }) => [`${method} ${path}`, `${scope} ${right}`]);
  assert.deepEqual(Object.fromEntries(served), declared);
});

test('every route lets in who has its right on it, and nobody else', async (t) => {
  const world = await openApiWorld(t);
  const { db, shop } = world;
  const blog = await createApp(db, 'blog', 'test');
  const deploy = await world.queue();
  const ids = { shop: shop.app.id, blog: blog.id, all: null };
  const wanted = { appId: null, rights: ['admin'] as Right[], actor: 'test' };
  const revoked = await createToken(db, { ...wanted, name: 'revoked', days: 1 });
  await revokeToken(db, revoked.record.id);
  const expired = await createToken(db, { ...wanted, name: 'expired', days: -1 });
  const strangers: Record<string, [string | undefined, string]> = {
    none: [undefined, '401 token_missing'],
    malformed: ['hw_x', '401 token_malformed'],
    unknown: [makeUnknownToken(), '401 token_unknown'],
    revoked: [revoked.token, '401 token_revoked'],
    expired: [expired.token, '401 token_expired'],
  };
  const seen: Record<string, string> = {};
  const should: Record<string, string> = {};
  for (const [name, need] of Object.entries(declared)) {
    const [method = '', path = ''] = name.split(' ');
    const address = path.replace(':app', 'shop').replace(':id', String(deploy.id)).replace(/:\w+/, 'local');
    const knock = async (who: string, token: string | undefined, answer: string) => {
      const asking = {
        ...(token === undefined ? {} : { token }),
        ...(method === 'POST' ? { body: { nobody: 1 } } : {}),
      };
      const { status, json } = await world.ask(method, `/api/v1${address}?nobody=1`, asking);
      seen[`${name} as ${who}`] = `${status} ${json?.code}`;
      should[`${name} as ${who}`] = answer;
    };
    for (const [who, [token, answer]] of Object.entries(strangers)) {
      await knock(who, token, need.startsWith('open ') ? letIn : answer);
    }
    for (const [who, bearer] of Object.entries(bearers)) {
      await knock(who, await world.makeToken(ids[bearer.of], bearer.can), expected(need, bearer));
    }
  }
  assert.equal(Object.keys(seen).length, Object.keys(declared).length * 14);
  assert.deepEqual(seen, should);
});

test('what one may not see answers as what is not there', async (t) => {
  const world = await openApiWorld(t);
  const blog = await createApp(world.db, 'blog', 'test');
  const deploy = await world.queue();
  const token = await world.makeToken(blog.id, 'admin');
  const compare = async (there: string, missing: string) => {
    const [hidden, absent] = [
      await world.ask('GET', there, { token }),
      await world.ask('GET', missing, { token }),
    ];
    assert.equal(hidden.status, 404);
    assert.deepEqual(
      { ...hidden.json, detail: hidden.json.detail.replace(/"[^"]*"/, ''), requestId: '' },
      { ...absent.json, detail: absent.json.detail.replace(/"[^"]*"/, ''), requestId: '' },
    );
  };
  await compare('/api/v1/apps/shop', '/api/v1/apps/nope');
  await compare(`/api/v1/deploys/${deploy.id}`, '/api/v1/deploys/999999');
  await compare('/api/v1/deploys?app=shop', '/api/v1/deploys?app=nope');
});

test('lists have only what the token may see', async (t) => {
  const world = await openApiWorld(t);
  const blog = await createApp(world.db, 'blog', 'test');
  await world.queue();
  const ofBlog = await world.makeToken(blog.id, 'read');
  const ofAll = await world.makeToken(null, 'read');
  const names = async (token: string) =>
    (await world.ask('GET', '/api/v1/apps', { token })).json.items.map((app: { name: string }) => app.name);
  assert.deepEqual(await names(ofBlog), ['blog']);
  assert.deepEqual(await names(ofAll), ['blog', 'shop']);
  assert.equal((await world.ask('GET', '/api/v1/deploys', { token: ofBlog })).json.items.length, 0);
  assert.equal((await world.ask('GET', '/api/v1/deploys', { token: ofAll })).json.items.length, 1);
});
