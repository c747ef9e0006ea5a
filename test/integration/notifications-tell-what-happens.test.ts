import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { NoticeEvent, NoticeKind } from '../../src/model/notice.ts';
import { noticeEvents } from '../../src/model/notice.ts';
import { askApproval } from '../../src/store/approvals.ts';
import { listHappenings, listNotices, noteReached } from '../../src/store/notices.ts';
import { addNotification } from '../../src/store/notifications.ts';
import { readTellParts, tryOnce } from '../../src/webhooks/deliver.ts';
import { checkSignature } from '../../src/webhooks/signature.ts';
import { openTeller, tellPeople } from '../../src/webhooks/tell.ts';
import { openApiWorld } from '../support/api-world.ts';
import { eventually } from '../support/eventually.ts';

type Received = { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** A server on the loopback stands for the receiver; `statuses` are its answers, the last one for good. */
async function openReceiver(t: TestContext, statuses: number[] = [200]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) });
    const status = statuses.length > 1 ? statuses.shift() : statuses[0];
    response.writeHead(status ?? 200, { location: '/elsewhere' }).end('x'.repeat(5000));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in?key=s3cret`;
  return { received, url };
}

async function open(t: TestContext, statuses?: number[]) {
  const { received, url } = await openReceiver(t, statuses);
  const api = await openApiWorld(t);
  const rules = { allow: ['127.0.0.0/8'], ownNames: [] };
  const { db } = api;
  const add = (kind: NoticeKind = 'json', events: readonly NoticeEvent[] = noticeEvents, to = url) =>
    addNotification(db, { kind, events, appId: null, url: to, actor: 'ops' });
  const tell = (allow = rules.allow) =>
    tellPeople(
      { ...readTellParts(api.config, db), rules: { ...rules, allow } },
      new AbortController().signal,
    );
  /** As if the time until the next try had gone by. */
  const skipWait = () => db.updateTable('notices').set({ next_ms: 0 }).execute();
  return { api, db, received, add, tell, skipWait, url };
}

test('a deploy that went live is told once, signed, to who wants to hear of it', async (t) => {
  const world = await open(t);
  const { notification, secret } = await world.add();
  await world.add('slack', ['deploy.failed']);
  await world.api.finish(await world.api.queue());
  await world.tell();
  await world.tell();
  await world.skipWait();
  await world.tell();
  assert.equal(world.received.length, 1);
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = world.received;
  checkSignature('generic', { headers, body, now: new Date() }, secret ?? '');
  const told = JSON.parse(body.toString());
  assert.equal(told.type, 'deploy.live');
  assert.deepEqual([told.data.app, told.data.env, told.data.deploy], ['shop', 'production', 1]);
  assert.match(told.data.text, /^shop\/production: deploy 1 of 0000000 by test is live$/);
  const [notice] = await listNotices(world.db, notification.id, 9);
  assert.deepEqual([notice?.state, notice?.status, notice?.attempts], ['sent', 200, 1]);
  assert.equal(notice?.answer?.length, 1024);
  assert.deepEqual(await listHappenings(world.db, 9), []);
});

test('who does not take it is asked again with the same id, later and later, and given up after a day', async (t) => {
  const world = await open(t, [500, 302, 200]);
  const { notification } = await world.add();
  await world.api.finish(await world.api.queue(), 'failed');
  for (let n = 0; n < 5; n += 1) {
    await world.tell();
    await world.skipWait();
  }
  assert.deepEqual(
    world.received.map(({ path }) => path),
    ['/in?key=s3cret', '/in?key=s3cret', '/in?key=s3cret'],
  );
  assert.equal(new Set(world.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.match(world.received[0]?.body.toString() ?? '', /step 3 failed \(build_failed\)/);
  assert.equal((await listNotices(world.db, notification.id, 9))[0]?.state, 'sent');
  const deaf = await open(t, [503]);
  const other = await deaf.add();
  await deaf.api.finish(await deaf.api.queue());
  const waits: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    await deaf.tell();
    const { next_ms: next } = await deaf.db.selectFrom('notices').select('next_ms').executeTakeFirstOrThrow();
    waits.push(Math.round((next - Date.now()) / 1000));
    await deaf.skipWait();
  }
  assert.deepEqual((await listNotices(deaf.db, other.notification.id, 9))[0]?.state, 'failed');
  assert.equal(deaf.received.length, 8);
  assert.ok(
    waits.slice(0, 7).every((wait, n) => n === 0 || wait > (waits[n - 1] ?? 0)),
    waits.join(),
  );
});

test('a receiver that does not answer keeps no other one waiting, and is told one thing at a time', async (t) => {
  const world = await open(t);
  const asked: string[] = [];
  const silent = createServer(({ url = '' }) => void asked.push(url)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const closing = new AbortController();
  t.after(() => {
    closing.abort();
    silent.close();
  });
  await world.add('json', noticeEvents, `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
  await world.add();
  const parts = {
    ...readTellParts(world.api.config, world.db),
    rules: { allow: ['127.0.0.0/8'], ownNames: [] },
  };
  const failed: unknown[] = [];
  const teller = openTeller({ ...parts, timeoutMs: 300_000 }, closing.signal, (error) => failed.push(error));
  await world.api.finish(await world.api.queue(), 'failed');
  await world.api.finish(await world.api.queue());
  await teller.tell();
  await eventually(() => asked.length > 0 && world.received.length === 2);
  await world.api.finish(await world.api.queue());
  await teller.tell();
  await eventually(() => world.received.length === 3);
  const told = world.received.map(({ body }) => JSON.parse(body.toString()));
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.deploy]),
    [
      ['deploy.failed', 1],
      ['deploy.live', 2],
      ['deploy.live', 3],
    ],
  );
  assert.deepEqual([asked, failed], [['/'], []]);
});

test('an address that is not public is refused when it is written and when it is used', async (t) => {
  const world = await open(t);
  const { notification } = await world.add();
  await world.api.finish(await world.api.queue());
  await world.tell([]);
  const [notice] = await listNotices(world.db, notification.id, 9);
  assert.deepEqual([notice?.state, world.received.length], ['failed', 0]);
  assert.match(notice?.answer ?? '', /not public/);
  const token = await world.api.makeToken(null, 'admin');
  const post = (url: string) =>
    world.api.ask('POST', '/api/v1/notifications', { token, body: { kind: 'json', url } });
  for (const url of [world.url, 'https://169.254.169.254/', 'http://[::1]:6379/', 'https://x.example\r\n/']) {
    assert.deepEqual([(await post(url)).json.code, url], ['url_not_allowed', url]);
  }
  const listed = await world.api.ask('GET', '/api/v1/notifications', { token });
  assert.doesNotMatch(listed.text, /s3cret|whsec/);
  const tested = await world.api.ask('POST', `/api/v1/notifications/${notification.id}/test`, { token });
  assert.equal(tested.json.code, 'receiver_not_reached');
});

test('chats get words that call nobody; servers are told when they are lost, and when they are back', async (t) => {
  const world = await open(t);
  await world.add('slack');
  await world.add('discord', ['approval.needed']);
  for (const reached of [true, false, false, true, false, false, false, false, true, true]) {
    await noteReached(world.db, 'app<1>', reached);
  }
  const deploy = await world.api.queue();
  await askApproval(world.db, deploy);
  await world.tell();
  const bodies = world.received.map(({ body }) => JSON.parse(body.toString()));
  assert.deepEqual(bodies.map(({ text, content }) => text ?? content).toSorted(), [
    'app&lt;1&gt; is back',
    'app&lt;1&gt; is out of reach',
    'shop/production: deploy 1 of 0000000 by test waits for approval; hawser approvals:grant 1',
    'shop/production: deploy 1 of 0000000 by test waits for approval; hawser approvals:grant 1',
  ]);
  assert.deepEqual(bodies.find(({ content }) => content !== undefined)?.allowed_mentions, { parse: [] });
});

test('who is named in deploy.config.json is told as those who were added, filtered by app and environment', async (t) => {
  const { received, url } = await openReceiver(t);
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const receivers = {
    all: { kind: 'json', to: url, secret },
    lost: { kind: 'slack', to: url, events: ['server.lost'] },
    shop: { kind: 'discord', to: url, apps: ['shop'], environments: ['production'], events: ['deploy.live'] },
    other: { kind: 'slack', to: url, apps: ['other'] },
    staging: { kind: 'slack', to: url, environments: ['preview-x'] },
  };
  const written = { webhooks: { allow: ['127.0.0.0/8'] }, notifications: { receivers } };
  const api = await openApiWorld(t, {}, written);
  await api.finish(await api.queue());
  for (let n = 0; n < 3; n += 1) await noteReached(api.db, 'app1', false);
  await tellPeople(readTellParts(api.config, api.db), new AbortController().signal);
  const told = received.map(({ headers, body }) => ({ headers, body, json: JSON.parse(body.toString()) }));
  assert.deepEqual(told.map(({ json }) => json.type ?? json.text ?? json.content).toSorted(), [
    'app1 is out of reach',
    'deploy.live',
    'server.lost',
    'shop/production: deploy 1 of 0000000 by test is live',
  ]);
  for (const { headers, body } of told.filter(({ json }) => json.type !== undefined)) {
    checkSignature('generic', { headers, body, now: new Date() }, secret);
  }

  const token = await api.makeToken(null, 'admin');
  await addNotification(api.db, {
    kind: 'slack',
    events: noticeEvents,
    appId: api.shop.app.id,
    url,
    actor: 'ops',
  });
  const listed = await api.ask('GET', '/api/v1/notifications', { token });
  assert.doesNotMatch(listed.text, /s3cret|whsec/);
  const shown = listed.json.items.map((item: Record<string, unknown>) => [
    item.id,
    item.apps,
    item.environments,
  ]);
  assert.deepEqual(shown.slice(0, 4), [
    ['file:all', null, null],
    ['file:lost', null, null],
    ['file:other', ['other'], null],
    ['file:shop', ['shop'], ['production']],
  ]);
  assert.deepEqual(shown[5]?.slice(1), [['shop'], null]);
  const path = '/api/v1/notifications/file%3Ashop';
  assert.equal((await api.ask('DELETE', path, { token })).json.code, 'managed_by_file');
  const [delivered] = (await api.ask('GET', `${path}/deliveries`, { token })).json.items;
  assert.deepEqual([delivered.event, delivered.state, delivered.attempts], ['deploy.live', 'sent', 1]);
  assert.equal((await api.ask('POST', `${path}/test`, { token })).json.delivered, true);
  const gone = await api.ask('DELETE', '/api/v1/notifications/file%3Anobody', { token });
  assert.equal(gone.json.code, 'notification_not_found');
  const message = { type: 'test', timestamp: '', data: { text: '' } } as const;
  const removed = { id: 'msg_1', notificationId: 'file:removed', message };
  const tried = await tryOnce(removed, readTellParts(api.config, api.db), new AbortController().signal);
  assert.equal(tried.isFinal, true);
});
