import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeKeyPair } from '../../src/fleet/ssh.ts';
import { computeTotp, parseBase32 } from '../../src/model/totp.ts';
import { createClaim } from '../../src/store/access/claims.ts';
import { createToken } from '../../src/store/access/tokens.ts';
import { ensureEnvironment } from '../../src/store/apps.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';
import { makeUser } from '../support/users.ts';

const password = 'correct horse battery';
const codeOf = ({ status, json }: { status: number; json: { code?: string } }) =>
  `${status} ${json.code ?? ''}`.trim();

/** A world with an owner who came in by the setup token. */
async function openOwned(t: TestContext) {
  const world = await openApiWorld(t);
  const { token } = await createClaim(world.db, { purpose: 'setup', userId: null, actor: 'test' });
  const made = await world.ask('POST', '/api/v1/setup', { body: { token, name: 'olga', password } });
  assert.equal(made.status, 201, made.text);
  const owner = post(world, made.json.token);
  return { world, owner, session: made.json.token as string };
}

function post(world: ApiWorld, token?: string) {
  return (path: string, body: unknown = {}) =>
    world.ask('POST', `/api/v1${path}`, { body, ...(token === undefined ? {} : { token }) });
}

test('the setup token makes one owner: once, in time, and of two at once one', async (t) => {
  const world = await openApiWorld(t);
  const { token } = await createClaim(world.db, { purpose: 'setup', userId: null, actor: 'test' });
  const ask = post(world);
  assert.equal(
    codeOf(await ask('/setup', { token, name: 'olga', password: 'short' })),
    '400 password_too_weak',
  );
  const both = await Promise.all(['olga', 'eve'].map((name) => ask('/setup', { token, name, password })));
  assert.deepEqual(both.map((answer) => answer.status).sort(), [201, 403]);
  assert.equal(codeOf(await ask('/setup', { token, name: 'mia', password })), '403 claim_invalid');
  const second = await createClaim(world.db, { purpose: 'setup', userId: null, actor: 'test' });
  assert.equal(codeOf(await ask('/setup', { token: second.token, name: 'mia', password })), '409 setup_done');
  const third = await createClaim(world.db, { purpose: 'setup', userId: null, actor: 'test' });
  assert.equal(
    codeOf(await ask('/setup', { token: second.token, name: 'mia', password })),
    '403 claim_invalid',
  );
  await world.db.updateTable('claims').set({ expires_at: '2020-01-01T00:00:00.000Z' }).execute();
  assert.equal(
    codeOf(await ask('/setup', { token: third.token, name: 'mia', password })),
    '403 claim_invalid',
  );
  const dump = JSON.stringify([
    await world.db.selectFrom('claims').selectAll().execute(),
    await world.db.selectFrom('users').selectAll().execute(),
    await world.db.selectFrom('sessions').selectAll().execute(),
    await world.db.selectFrom('events').selectAll().execute(),
  ]);
  for (const secret of [token, password, both.find(({ status }) => status === 201)?.json.token]) {
    assert.ok(!dump.includes(secret));
  }
});

test('an invitation is for one user, once; what they may is what they were given', async (t) => {
  const { world, owner } = await openOwned(t);
  await ensureEnvironment(world.db, world.shop.app, { name: 'staging', domain: 'staging.shop.localhost' });
  const invited = await owner('/users/invite', { name: 'ada' });
  assert.equal(invited.json.state, 'invited');
  assert.equal(codeOf(await post(world)('/login', { name: 'ada', password })), '401 login_failed');
  const again = await owner('/users/invite', { name: 'ada' });
  const accept = (token: string) => post(world)('/invitations/accept', { token, password });
  assert.equal(codeOf(await accept(invited.json.token)), '403 claim_invalid');
  const accepted = await Promise.all([accept(again.json.token), accept(again.json.token)]);
  assert.deepEqual(accepted.map(({ status }) => status).sort(), [201, 403]);
  assert.equal(codeOf(await owner('/users/invite', { name: 'ada' })), '409 user_exists');
  const { json: login } = await post(world)('/login', { name: 'ada', password });
  const get = (path: string) => world.ask('GET', `/api/v1${path}`, { token: login.token });
  assert.deepEqual((await get('/apps')).json.items, []);
  assert.equal(
    (await owner('/apps/shop/access', { user: 'ada', role: 'developer', env: 'staging' })).status,
    201,
  );
  assert.deepEqual(
    (await get('/apps/shop')).json.environments.map(({ name }: { name: string }) => name),
    ['staging'],
  );
  assert.equal(codeOf(await get('/apps/shop/config?env=production')), '403 not_allowed');
  assert.equal((await get('/apps/shop/config?env=staging')).json.hidden, false);
  const refused = await post(world, login.token)('/apps/shop/restart', { env: 'production' });
  assert.match(
    refused.json.detail,
    /"deploy" in production of the app shop; "ada" has: .* in staging only\./,
  );
  const me = (await get('/me')).json;
  assert.deepEqual(
    [me.name, me.kind, me.grants[0].app, me.grants[0].env],
    ['ada', 'user', 'shop', 'staging'],
  );
  assert.equal(
    (
      await world.ask('DELETE', '/api/v1/apps/shop/access/ada?env=staging', {
        token: (await makeUser(world.db, 'boss', { role: 'owner' })).session,
      })
    ).status,
    200,
  );
  assert.equal(codeOf(await get('/apps/shop')), '404 app_not_found');
});

test('nobody learns who exists; who guesses waits, and the right password then too', async (t) => {
  const { world, owner } = await openOwned(t);
  assert.equal((await owner('/users', { name: 'disabled', password })).status, 201);
  await owner('/users/disabled/disable');
  const ask = post(world);
  const answers = [];
  for (const name of ['olga', 'stranger', 'disabled']) {
    const { status, json } = await ask('/login', {
      name,
      password: name === 'disabled' ? password : 'not the password',
    });
    answers.push({ status, ...json, requestId: '' });
  }
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
  assert.equal(answers[0]?.code, 'login_failed');
  for (let tries = 0; tries < 4; tries += 1) await ask('/login', { name: 'olga', password: 'wrong' });
  const slowed = await ask('/login', { name: 'olga', password });
  assert.equal(codeOf(slowed), '429 too_many_logins');
  assert.match(slowed.json.detail, /in 1 s/);
});

test('who has a session and not the password does not guess it, however many tries come at once', async (t) => {
  const { owner } = await openOwned(t);
  const tries = Array.from({ length: 12 }, (_, n) =>
    owner('/me/password', { current: `guess ${n}`, password: `${password}!` }),
  );
  const codes = (await Promise.all(tries)).map(codeOf);
  const heard = codes.filter((code) => code === '401 login_failed').length;
  assert.ok(heard >= 5 && heard <= 7, codes.join(', '));
  assert.equal(codes.filter((code) => code === '429 too_many_logins').length, codes.length - heard);
});

test('disabled, all of a user is worth nothing at once; the last owner stays', async (t) => {
  const { world, owner, session } = await openOwned(t);
  const { user, session: hers } = await makeUser(world.db, 'ada', {
    appId: world.shop.app.id,
    role: 'admin',
  });
  const made = await post(world, hers)('/tokens', { app: 'shop', rights: ['admin'], name: 'ci' });
  assert.equal(made.status, 201, made.text);
  const token: string = made.json.token;
  assert.equal(made.json.user, 'ada');
  const get = (as: string, path = '/apps/shop') => world.ask('GET', `/api/v1${path}`, { token: as });
  assert.equal((await get(token)).status, 200);
  // The token can what both can, now: less when the user has less.
  assert.equal((await owner('/apps/shop/access', { user: 'ada', role: 'viewer' })).status, 201);
  assert.equal(codeOf(await get(token, '/apps/shop/access')), '403 not_allowed');
  assert.equal((await owner('/users/ada/disable')).status, 200);
  assert.equal(codeOf(await get(token)), '401 user_disabled');
  assert.equal(codeOf(await get(hers)), '401 token_unknown');
  await owner('/users/ada/enable');
  assert.equal((await get(token)).status, 200);
  assert.equal(codeOf(await get(hers)), '401 token_unknown');
  assert.equal(codeOf(await owner('/users/olga/disable')), '409 last_owner');
  const drop = () => world.ask('DELETE', '/api/v1/access/olga', { token: session });
  assert.equal(codeOf(await drop()), '409 last_owner');
  await makeUser(world.db, 'bea', { role: 'owner' });
  assert.equal((await drop()).status, 200);
  assert.equal(codeOf(await owner('/users/ada/disable')), '403 not_allowed');
  assert.ok(user.id);
});

test('nobody gives, takes or makes more than they have', async (t) => {
  const { world, owner } = await openOwned(t);
  const shop = world.shop.app.id;
  const admin = await makeUser(world.db, 'adam', { appId: shop, role: 'admin' });
  const developer = await makeUser(world.db, 'dora', { appId: shop, env: 'staging', role: 'developer' });
  await world.ask('POST', '/api/v1/apps', {
    body: { name: 'blog' },
    token: (await makeUser(world.db, 'boss', { role: 'owner' })).session,
  });
  const asAdmin = post(world, admin.session);
  const asDeveloper = post(world, developer.session);
  assert.equal((await asAdmin('/apps/shop/access', { user: 'dora', role: 'admin' })).status, 201);
  assert.equal(
    (await world.ask('DELETE', '/api/v1/apps/shop/access/dora', { token: admin.session })).status,
    200,
  );
  assert.equal(
    codeOf(await asAdmin('/apps/blog/access', { user: 'dora', role: 'viewer' })),
    '404 app_not_found',
  );
  assert.equal(codeOf(await asAdmin('/access', { user: 'adam', role: 'owner' })), '403 not_allowed');
  assert.equal(
    codeOf(await asAdmin('/apps/shop/access', { user: 'adam', role: 'owner' })),
    '400 role_not_here',
  );
  assert.equal(codeOf(await owner('/access', { user: 'adam', role: 'admin' })), '400 role_not_here');
  assert.equal(
    codeOf(await asDeveloper('/apps/shop/access', { user: 'dora', role: 'viewer' })),
    '403 not_allowed',
  );
  // A token may be asked for with anything; it is worth what its user is.
  const wide = (await asDeveloper('/tokens', { rights: ['admin'] })).json.token;
  assert.equal(codeOf(await world.ask('GET', '/api/v1/users', { token: wide })), '403 not_allowed');
  assert.equal(codeOf(await post(world, wide)('/tokens', { rights: ['read'] })), '403 user_needed');
  const lone = await createToken(world.db, {
    name: 'ci',
    appId: shop,
    rights: ['admin'],
    days: 1,
    actor: 'test',
  });
  assert.equal(
    codeOf(await post(world, lone.token)('/tokens', { app: 'shop', rights: ['read'] })),
    '403 user_needed',
  );
  const wish = { name: 'of-ci', key: makeKeyPair('ci').public, deployKey: true, app: 'shop' };
  assert.equal(codeOf(await post(world, lone.token)('/keys', wish)), '403 user_needed');
  assert.equal((await asAdmin('/keys', wish)).status, 201);
  const deployKey = (app: string) =>
    asDeveloper('/keys', { name: 'ci', key: makeKeyPair('ci').public, deployKey: true, app });
  assert.equal(codeOf(await deployKey('shop')), '403 not_allowed');
  assert.deepEqual(
    [codeOf(await deployKey('blog')), codeOf(await deployKey('nowhere'))],
    ['404 app_not_found', '404 app_not_found'],
  );
  const listed = (await world.ask('GET', '/api/v1/tokens', { token: developer.session })).json.items;
  assert.deepEqual(
    listed.map(({ user }: { user: string }) => user),
    ['dora'],
  );
  const foreign = await world.ask('DELETE', '/api/v1/tokens/ci', { token: developer.session });
  assert.equal(codeOf(foreign), '404 token_not_found');
});

test('a code of the phone is asked for, holds once, and a recovery code stands in for it once', async (t) => {
  const { world, owner } = await openOwned(t);
  assert.equal(codeOf(await owner('/me/totp', { current: 'wrong' })), '401 login_failed');
  const { secret } = (await owner('/me/totp', { current: password })).json;
  assert.equal(codeOf(await owner('/me/totp/confirm', { code: '000000' })), '401 login_failed');
  const login = (code?: string) =>
    post(world)('/login', { name: 'olga', password, ...(code ? { code } : {}) });
  assert.equal((await login()).status, 200);
  const step = Math.floor(Date.now() / 30_000);
  const now = (by: number) => computeTotp(parseBase32(secret), step + by);
  const { recoveryCodes } = (await owner('/me/totp/confirm', { code: now(0) })).json;
  assert.equal(recoveryCodes.length, 8);
  assert.equal(codeOf(await login()), '401 login_code_needed');
  assert.equal(codeOf(await login(now(0))), '401 login_failed');
  const twice = await Promise.all([login(now(1)), login(now(1))]);
  assert.deepEqual(twice.map(({ status }) => status).sort(), [200, 401]);
  assert.equal((await login(recoveryCodes[0])).status, 200);
  assert.equal(codeOf(await login(recoveryCodes[0])), '401 login_failed');
  assert.equal((await owner('/me/totp/disable', { current: password })).status, 200);
  assert.equal((await login()).status, 200);
});

test('a new password ends the other sessions, a logout its own', async (t) => {
  const { world, owner, session } = await openOwned(t);
  const other = (await post(world)('/login', { name: 'olga', password })).json.token;
  const get = (token: string) => world.ask('GET', '/api/v1/me', { token });
  assert.equal((await get(other)).status, 200);
  assert.equal(
    codeOf(await owner('/me/password', { current: 'wrong', password: `${password}!` })),
    '401 login_failed',
  );
  assert.equal((await owner('/me/password', { current: password, password: `${password}!` })).status, 200);
  assert.equal(codeOf(await get(other)), '401 token_unknown');
  assert.equal((await get(session)).status, 200);
  assert.deepEqual((await owner('/logout')).json, { ended: true });
  assert.equal(codeOf(await get(session)), '401 token_unknown');
  await world.db.updateTable('sessions').set({ used_at: '2020-01-01T00:00:00.000Z' }).execute();
  const idle = (await post(world)('/login', { name: 'olga', password: `${password}!` })).json.token;
  await world.db.updateTable('sessions').set({ used_at: '2020-01-01T00:00:00.000Z' }).execute();
  assert.equal(codeOf(await get(idle)), '401 token_unknown');
});
