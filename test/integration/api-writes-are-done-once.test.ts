import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../src/failure.ts';
import { createApp } from '../../src/store/apps.ts';
import { forgetWrites } from '../../src/store/idempotency.ts';
import { readSettings } from '../../src/store/settings.ts';
import { openApiWorld } from '../support/api-world.ts';

const key = { 'idempotency-key': 'k-1' };

test('the same write with the same key is done once, and answered the same, also after a restart', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(null, 'admin');
  const make = (body: object, headers: Record<string, string> = key) =>
    world.ask('POST', '/api/v1/apps', { token, body, headers });
  const first = await make({ name: 'blog' });
  assert.equal(first.status, 201);
  assert.equal(first.headers.get('idempotency-replayed'), null);
  for (const restart of [false, true]) {
    if (restart) await world.restart();
    const again = await make({ name: 'blog' });
    assert.deepEqual([again.status, again.json], [201, first.json]);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
  }
  assert.equal((await make({ name: 'blog' }, {})).json.code, 'app_exists');
  const other = await make({ name: 'wiki' });
  assert.deepEqual([other.status, other.json.code], [422, 'idempotency_key_reused']);
  // Another credential's key is another key.
  const stranger = await world.makeToken(null, 'admin');
  const theirs = await world.ask('POST', '/api/v1/apps', {
    token: stranger,
    body: { name: 'blog' },
    headers: key,
  });
  assert.equal(theirs.json.code, 'app_exists');
  // Forgotten when it is old.
  await forgetWrites(world.db, '9999');
  assert.equal((await make({ name: 'wiki' })).status, 201);
});

test('what was done away with is answered again, and what was refused may be tried again', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(null, 'admin');
  const destroy = () => world.ask('DELETE', '/api/v1/apps/blog', { token, headers: key });
  assert.equal((await destroy()).json.code, 'app_not_found');
  await createApp(world.db, 'blog', 'test');
  const gone = await destroy();
  assert.deepEqual([gone.status, gone.json], [200, { name: 'blog', destroyed: true }]);
  assert.deepEqual((await destroy()).json, gone.json);
  const bad = await world.ask('POST', '/api/v1/apps', {
    token,
    body: { name: 'x' },
    headers: { 'idempotency-key': 'a b' },
  });
  assert.equal(bad.json.code, 'invalid_input');
});

test('a write that is under way, or was cut off, is not begun a second time', async (t) => {
  const going = Promise.withResolvers<void>();
  const started: string[] = [];
  const world = await openApiWorld(t, {
    async createApp(name) {
      started.push(name);
      if (name === 'slow') await going.promise;
      if (name === 'broken') throw new Error('the disk is gone');
      throw new Failure('app_exists', 'it is there');
    },
  });
  const token = await world.makeToken(null, 'admin');
  const make = (name: string) =>
    world.ask('POST', '/api/v1/apps', { token, body: { name }, headers: { 'idempotency-key': name } });
  const slow = make('slow');
  while (started.length === 0) await pause(5);
  assert.deepEqual((await make('slow')).json.code, 'idempotency_key_busy');
  going.resolve();
  assert.equal((await slow).json.code, 'app_exists');
  assert.equal((await make('broken')).json.code, 'internal');
  // As a SIGKILL between the act and its record leaves it: begun by a run of the server that is gone.
  await world.restart();
  const unknown = await make('broken');
  assert.deepEqual([unknown.status, unknown.json.code], [409, 'idempotency_outcome_unknown']);
  assert.match(unknown.json.fix, /GET \/api\/v1\/apps\b/);
  assert.deepEqual(started, ['slow', 'broken']);
});

test('a secret that is shown once is kept nowhere', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(null, 'admin');
  const make = () => world.ask('POST', '/api/v1/tokens', { token, body: { name: 'ci' }, headers: key });
  const made = await make();
  assert.match(made.json.token, /^hw_/);
  assert.equal((await make()).json.code, 'idempotency_answer_not_kept');
  const rows = await world.db.selectFrom('idempotency').selectAll().execute();
  assert.ok(!JSON.stringify(rows).includes(made.json.token));
  assert.equal((await world.ask('GET', '/api/v1/tokens', { token })).json.items.length, 2);
});

test('of two editors of the same config the second is told that it changed meanwhile', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(null, 'admin');
  const path = '/api/v1/apps/shop/config';
  const read = await world.ask('GET', path, { token });
  const etag = read.headers.get('etag') ?? '';
  const set = (vars: object, ifMatch: string) =>
    world.ask('POST', path, { token, body: { vars }, headers: { 'if-match': ifMatch } });
  const first = await set({ A: '1' }, etag);
  assert.equal(first.status, 200);
  const second = await set({ A: '2' }, etag);
  assert.deepEqual([second.status, second.json.code], [412, 'changed_meanwhile']);
  assert.match(second.json.detail, /config:set by "admin" at 20/);
  assert.deepEqual((await readSettings(world.db, world.shop.environment.id)).vars, { A: '1' });
  assert.equal((await set({ A: '3' }, first.headers.get('etag') ?? '')).status, 200);
  assert.equal((await set({ A: '4' }, '*')).status, 200);
  assert.equal((await set({ A: '5' }, 'x')).json.code, 'invalid_input');
});
