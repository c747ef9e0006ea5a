import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openClient } from '../../src/cli/client.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { recordEvent } from '../../src/store/events.ts';
import { openApiWorld } from '../support/api-world.ts';

test('events come as they happen, go on behind the last one, and show only what one may see', async (t) => {
  const world = await openApiWorld(t);
  const { db, shop } = world;
  const blog = await createApp(db, 'blog', 'test');
  await ensureEnvironment(db, blog, { name: 'production', domain: 'blog.localhost' });
  const token = await world.makeToken(shop.app.id, 'read');
  const stop = new AbortController();
  t.after(() => stop.abort());
  const client = openClient({ kind: 'url', url: world.url, token });
  const seen: { id: string | undefined; action: string; deploy: number | null }[] = [];
  const read = async (lastId: string, count: number) => {
    const own = new AbortController();
    const signal = AbortSignal.any([stop.signal, own.signal]);
    for await (const { id, data } of client.follow('/events', { lastId, signal })) {
      const { action, deploy } = JSON.parse(data);
      seen.push({ id, action, deploy });
      if (seen.length === count) own.abort();
    }
  };
  const first = read('0', 2);
  const deploy = await world.queue();
  await recordEvent(db, { actor: 'eve', action: 'apps:lock', appId: blog.id, env: null, detail: '' });
  await recordEvent(db, { actor: 'eve', action: 'disk:prune', appId: null, env: null, detail: '' });
  await world.finish(deploy, 'failed');
  await first;
  await world.restart();
  await recordEvent(db, {
    actor: 'ada',
    action: 'config:set',
    appId: shop.app.id,
    env: 'production',
    detail: '',
  });
  await read(seen.at(-1)?.id ?? '', 3);
  assert.deepEqual(
    seen.map(({ action, deploy: number }) => `${action} ${number}`),
    [`deploy:queued ${deploy.id}`, `deploy:failed ${deploy.id}`, 'config:set null'],
  );
  const all = await world.ask('GET', '/api/v1/events?limit=1', { token });
  assert.deepEqual([all.json.items.length, all.json.items[0].action], [1, 'config:set']);
  const rest = await world.ask('GET', `/api/v1/events?cursor=${all.json.next}`, { token });
  assert.deepEqual(
    rest.json.items.map((item: { action: string; detail: string }) => `${item.action} ${item.detail}`),
    ['deploy:failed build_failed', 'deploy:queued '],
  );
  const admin = await world.makeToken(null, 'read');
  const whole = await world.ask('GET', '/api/v1/events', { token: admin });
  assert.equal(whole.json.items.length, 5);
  const bad = { token, headers: { accept: 'text/event-stream', 'last-event-id': 'abc' } };
  assert.equal((await world.ask('GET', '/api/v1/events', bad)).json.code, 'invalid_input');
});
