import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { type Right, type Role, rights } from '../../src/model/access.ts';
import { makeToken as makeUnknownToken } from '../../src/model/token.ts';
import { createSession } from '../../src/store/access/sessions.ts';
import { createToken, revokeToken } from '../../src/store/access/tokens.ts';
import { setDisabled } from '../../src/store/access/users.ts';
import { createApp } from '../../src/store/apps.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';
import { makeUser } from '../support/users.ts';

/** Who needs what, written down a second time: a route that is added or changed must be added or changed here. */
const declared: Readonly<Record<string, string>> = {
  'GET /apps': 'visible read',
  'POST /apps': 'installation create',
  'GET /apps/:app': 'app-part read',
  'DELETE /apps/:app': 'app admin',
  'GET /deploys': 'visible read',
  'GET /deploys/:id': 'deploy read',
  'GET /deploys/:id/log': 'deploy logs',
  'POST /deploys/:id/cancel': 'deploy deploy',
  'POST /deploys/:id/continue': 'deploy deploy',
  'POST /deploys/:id/abort': 'deploy deploy',
  'POST /deploys/:id/retry': 'deploy deploy',
  'GET /apps/:app/releases': 'environment read',
  'GET /apps/:app/releases/:version': 'environment read',
  'POST /apps/:app/deploys': 'environment deploy',
  'POST /apps/:app/rename': 'app admin',
  'POST /apps/:app/rollback': 'environment rollback',
  'GET /apps/:app/pipeline': 'app-part read',
  'GET /apps/:app/pipeline/diff': 'app-part read',
  'POST /apps/:app/promote': 'app-part promote',
  'GET /approvals': 'visible read',
  'POST /deploys/:id/grant': 'deploy promote',
  'POST /deploys/:id/deny': 'deploy promote',
  'GET /freezes': 'installation read',
  'POST /freezes': 'installation admin',
  'DELETE /freezes/:freeze': 'installation admin',
  'GET /apps/:app/freezes': 'app-part read',
  'POST /apps/:app/freezes': 'app admin',
  'DELETE /apps/:app/freezes/:freeze': 'app admin',
  'POST /apps/:app/lock': 'app-part deploy',
  'DELETE /apps/:app/lock': 'app-part deploy',
  'GET /apps/:app/config': 'environment read',
  'POST /apps/:app/config': 'environment config:write',
  'POST /apps/:app/scale': 'environment deploy',
  'POST /apps/:app/restart': 'environment deploy',
  'POST /apps/:app/stop': 'environment deploy',
  'POST /apps/:app/start': 'environment deploy',
  'POST /apps/:app/runs': 'environment run',
  'POST /apps/:app/runs/terminal': 'environment run',
  'POST /apps/:app/exec': 'environment run',
  'POST /apps/:app/runs/:run/input': 'environment run',
  'GET /apps/:app/runs': 'environment run',
  'GET /apps/:app/runs/:run': 'environment run',
  'GET /apps/:app/runs/:run/output': 'environment run',
  'POST /apps/:app/runs/:run/cancel': 'environment run',
  'GET /apps/:app/domains': 'environment read',
  'POST /apps/:app/domains': 'environment deploy',
  'POST /apps/:app/maintenance': 'environment deploy',
  'DELETE /apps/:app/maintenance': 'environment deploy',
  'GET /apps/:app/ps': 'environment read',
  'GET /apps/:app/docker': 'environment admin',
  'GET /apps/:app/logs': 'environment logs',
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
  'POST /setup': 'open null',
  'POST /login': 'open null',
  'POST /invitations/accept': 'open null',
  'POST /logout': 'visible read',
  'GET /me': 'visible read',
  'POST /me/password': 'visible read',
  'POST /me/totp': 'visible read',
  'POST /me/totp/confirm': 'visible read',
  'POST /me/totp/disable': 'visible read',
  'GET /users': 'installation admin',
  'POST /users': 'installation admin',
  'POST /users/invite': 'installation admin',
  'POST /users/:user/password': 'installation admin',
  'POST /users/:user/disable': 'installation admin',
  'POST /users/:user/enable': 'installation admin',
  'GET /access': 'installation admin',
  'POST /access': 'installation admin',
  'DELETE /access/:user': 'installation admin',
  'GET /apps/:app/access': 'app admin',
  'POST /apps/:app/access': 'app admin',
  'DELETE /apps/:app/access/:user': 'app admin',
  'GET /tokens': 'visible read',
  'POST /tokens': 'visible read',
  'DELETE /tokens/:token': 'visible read',
  'GET /keys': 'visible read',
  'POST /keys': 'visible read',
  'DELETE /keys/:key': 'visible read',
  'GET /disk': 'installation admin',
  'POST /disk/prune': 'installation admin',
  'GET /secrets': 'installation admin',
  'POST /secrets/rotate': 'installation admin',
  'POST /secrets/retire': 'installation admin',
  'GET /apps/:app/webhooks': 'app admin',
  'POST /apps/:app/webhooks': 'app admin',
  'GET /apps/:app/webhooks/:webhook': 'app admin',
  'POST /apps/:app/webhooks/:webhook/key': 'app admin',
  'DELETE /apps/:app/webhooks/:webhook': 'app admin',
  'GET /notifications': 'installation admin',
  'POST /notifications': 'installation admin',
  'DELETE /notifications/:notification': 'installation admin',
  'POST /notifications/:notification/test': 'installation admin',
  'GET /notifications/:notification/deliveries': 'installation admin',
  'GET /audit': 'installation admin',
  'GET /audit/export': 'installation admin',
  'GET /audit/verify': 'installation admin',
  'GET /events': 'visible read',
  'GET /installation': 'visible read',
  'GET /apply': 'installation admin',
  'POST /apply': 'installation admin',
  'GET /doctor': 'installation admin',
};

type Owner = 'shop' | 'blog' | 'all';
type Bearer = {
  readonly of: Owner;
  readonly in?: string;
  readonly can: readonly Right[];
  /** A token unless it is said otherwise; a token of a user has the rights and the user is an owner, or the other way. */
  readonly by?: Role | 'token of an owner' | 'owner token of a viewer' | 'deploy key';
};
const developer: readonly Right[] = ['push', 'deploy', 'run', 'config:read', 'config:write'];
const bearers: Readonly<Record<string, Bearer>> = {
  'read shop': { of: 'shop', can: ['read'] },
  'push shop': { of: 'shop', can: ['push'] },
  'deploy shop': { of: 'shop', can: ['deploy'] },
  'promote shop': { of: 'shop', can: ['promote'] },
  'rollback shop': { of: 'shop', can: ['rollback'] },
  'run shop': { of: 'shop', can: ['run'] },
  'config:write shop': { of: 'shop', can: ['config:write'] },
  'admin shop': { of: 'shop', can: ['admin'] },
  'deploy shop in production': { of: 'shop', in: 'production', can: ['deploy'] },
  'deploy shop in staging': { of: 'shop', in: 'staging', can: ['deploy'] },
  'admin all in staging': { of: 'all', in: 'staging', can: ['admin'] },
  'admin blog': { of: 'blog', can: ['admin'] },
  'read all': { of: 'all', can: ['read'] },
  'deploy all': { of: 'all', can: ['deploy'] },
  'create all': { of: 'all', can: ['create'] },
  'admin all': { of: 'all', can: ['admin'] },
  'an owner': { of: 'all', can: ['admin'], by: 'owner' },
  'an admin of shop': { of: 'shop', can: ['admin'], by: 'admin' },
  'a deployer of shop': { of: 'shop', can: [...developer, 'promote', 'rollback'], by: 'deployer' },
  'a developer of shop': { of: 'shop', can: developer, by: 'developer' },
  'a viewer of shop': { of: 'shop', can: ['logs'], by: 'viewer' },
  'a viewer of all': { of: 'all', can: ['logs'], by: 'viewer' },
  'a viewer of blog': { of: 'blog', can: ['logs'], by: 'viewer' },
  'a developer of shop in staging': { of: 'shop', in: 'staging', can: developer, by: 'developer' },
  'a developer of shop in production': { of: 'shop', in: 'production', can: developer, by: 'developer' },
  'a push token of an owner': { of: 'shop', can: ['push'], by: 'token of an owner' },
  'an admin token of a viewer': { of: 'shop', can: ['logs'], by: 'owner token of a viewer' },
  'a deploy key of shop': { of: 'shop', can: ['push'], by: 'deploy key' },
};

/** What each right is enough for. */
const seeing: readonly Right[] = ['read', 'logs'];
const enough: Readonly<Record<Right, readonly Right[]>> = {
  read: ['read'],
  logs: seeing,
  push: [...seeing, 'push'],
  deploy: [...seeing, 'deploy'],
  promote: [...seeing, 'promote'],
  rollback: [...seeing, 'rollback'],
  run: [...seeing, 'run'],
  'config:read': ['read', 'config:read'],
  'config:write': ['read', 'config:write'],
  create: [...seeing, 'push', 'create'],
  admin: rights,
};

// Refused for a field that nobody knows: the asker was let in, and nothing was done.
const letIn = '400 unknown_field';
const refused = '403 not_allowed';

/** Every request means production: it names no environment, and that is the only one there is. */
function expected(need: string, { of, in: env, can }: Bearer): string {
  const [scope = '', right = ''] = need.split(' ');
  if (scope === 'visible' || scope === 'open') return letIn;
  const ofDeploy = scope === 'deploy';
  if (of === 'blog' && scope !== 'installation')
    return ofDeploy ? '404 deploy_not_found' : '404 app_not_found';
  if (ofDeploy && env === 'staging') return '404 deploy_not_found';
  const reached: Readonly<Record<string, boolean>> = {
    installation: of === 'all' && env === undefined,
    app: env === undefined,
    'app-part': true,
    environment: env !== 'staging',
    deploy: true,
  };
  const may = can.some((each) => enough[each].includes(right as Right));
  return may && reached[scope] ? letIn : refused;
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
  const tokens = new Map<string, string>();
  for (const [who, bearer] of Object.entries(bearers)) tokens.set(who, await comeAs(world, ids, who, bearer));
  const gone = await makeUser(db, 'gone', { role: 'owner' });
  const ofGone = await createToken(db, { ...wanted, userId: gone.user.id, name: 'of gone', days: 1 });
  await setDisabled(db, gone.user, true);
  const late = await createSession(db, gone.user.id);
  strangers['a disabled user'] = [late.token, '401 user_disabled'];
  strangers['the session of one disabled'] = [gone.session, '401 token_unknown'];
  strangers['the token of a disabled user'] = [ofGone.token, '401 user_disabled'];
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
    const asOperator = await askOperator(world, method, address);
    seen[`${name} as the operator`] = asOperator;
    should[`${name} as the operator`] = letIn;
    for (const [who, bearer] of Object.entries(bearers)) {
      await knock(who, tokens.get(who), expected(need, bearer));
    }
  }
  assert.equal(Object.keys(seen).length, Object.keys(declared).length * (9 + tokens.size));
  assert.deepEqual(seen, should);
});

/** A token with which somebody of this kind comes in. */
async function comeAs(
  { db, guests }: ApiWorld,
  ids: Readonly<Record<Owner, string | null>>,
  who: string,
  { of, in: env, can, by }: Bearer,
): Promise<string> {
  const appId = ids[of];
  const place = { appId, ...(env === undefined ? {} : { env }) };
  const name = who.replaceAll(' ', '-');
  if (by === undefined) {
    return (await createToken(db, { ...place, name: who, rights: can, days: 1, actor: 'test' })).token;
  }
  if (by === 'deploy key') {
    const grants = [{ appId, env: null, rights: can }];
    return guests.lend(async () => ({ kind: 'key', name, userId: null, grants }), '').token;
  }
  if (by !== 'token of an owner' && by !== 'owner token of a viewer') {
    return (await makeUser(db, name, { ...place, role: by })).session;
  }
  const ofOwner = by === 'token of an owner';
  const { user } = await makeUser(db, name, ofOwner ? { role: 'owner' } : { ...place, role: 'viewer' });
  const bounds = ofOwner ? { ...place, rights: can } : { appId: null, rights: ['admin'] as const };
  return (await createToken(db, { ...bounds, userId: user.id, name, days: 1, actor: name })).token;
}

/** Through the door on the machine itself. */
async function askOperator({ config }: ApiWorld, method: string, address: string): Promise<string> {
  const asked = request({
    socketPath: join(config.data, 'hawser.sock'),
    method,
    path: `/api/v1${address}?nobody=1`,
    headers: method === 'POST' ? { 'content-type': 'application/json' } : {},
  });
  asked.end(method === 'POST' ? '{"nobody":1}' : undefined);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const { code } = (await json(response)) as { code?: string };
  return `${response.statusCode} ${code}`;
}

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
