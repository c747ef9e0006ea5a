import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { forges } from '../../src/model/webhook.ts';
import { openForges } from '../../src/server/forges.ts';
import { countAttempt, listDuePushes, listHookPushes, recordDelivery } from '../../src/store/hook-pushes.ts';
import { addWebhook, type NewWebhook } from '../../src/store/webhooks.ts';
import { signStandard } from '../../src/webhooks/signature.ts';
import { openApiWorld } from '../support/api-world.ts';
import { eventually } from '../support/eventually.ts';
import { commitFile, makeSource, mustRun, openWorld, token } from '../support/receive-world.ts';

const patience = { timeoutMs: 60_000 };

/** A git server over HTTP stands for the forge; the server that is told has a real ledger, git and hooks. */
async function open(t: TestContext, allow = ['127.0.0.0/8']) {
  const forge = await openWorld();
  t.after(() => forge[Symbol.asyncDispose]());
  const source = await makeSource(forge.folder, 'source', forge.url('owner-shop'));
  await mustRun(source, 'push', '-q', 'deploy', 'main');
  const api = await openApiWorld(t);
  const world = await openWorld({ audit: api.audit });
  t.after(() => world[Symbol.asyncDispose]());
  const { db, audit } = api;
  const errors: object[] = [];
  const log = { info: () => undefined, error: (fields: object) => void errors.push(fields) };
  const config = { ...api.config, webhooks: { allow }, url: 'https://deploy.example.com' };
  const folders = { run: join(world.folder, 'run'), keys: join(world.folder, 'keys') };
  const { git, runs } = world;
  const start = () => openForges({ config, folders, git, db, runs, audit, log, lookMs: 200 });
  let doors = await start();
  t.after(() => doors[Symbol.asyncDispose]());
  const restart = async (meanwhile: () => Promise<void>) => {
    await doors[Symbol.asyncDispose]();
    await meanwhile();
    doors = await start();
  };
  const server = createServer((asked, response) => doors.respond(asked, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const repository = `http://127.0.0.1:${forge.port}/owner-shop.git`;
  const { app } = api.shop;
  const add = (wanted: Partial<NewWebhook> = {}) =>
    addWebhook(db, {
      ...{ appId: app.id, forge: 'github', repository, branches: [], pollMs: null, token, actor: 'ops' },
      ...wanted,
    });
  const post = async (id: string, body: string, headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}/hooks/${id}`, { method: 'POST', body, headers });
    return { status: response.status, text: await response.text() };
  };
  const { ask, makeToken } = api;
  return { forge, source, world, db, app, ask, makeToken, add, post, errors, restart, server, port };
}

type World = Awaited<ReturnType<typeof open>>;

function sign(secret: string, body: string, delivery = 'd-1'): Record<string, string> {
  const hmac = createHmac('sha256', secret).update(body).digest('hex');
  return { 'x-github-event': 'push', 'x-github-delivery': delivery, 'x-hub-signature-256': `sha256=${hmac}` };
}

const bodyOf = (ref: string, after: string, name = 'owner-shop') =>
  JSON.stringify({ ref, after, repository: { full_name: name } });

async function untilEnded({ db }: World, webhookId: string, count = 1) {
  await eventually(async () => {
    const pushes = await listHookPushes(db, webhookId, 9);
    return pushes.filter(({ endedAt }) => endedAt !== null).length >= count;
  }, patience);
  return listHookPushes(db, webhookId, 9);
}

test('a push that a forge tells of is fetched, checked and deployed; told again it is one deploy', async (t) => {
  const world = await open(t);
  const { webhook, secret } = await world.add();
  const commit = await mustRun(world.source, 'rev-parse', 'HEAD');
  const body = bodyOf('refs/heads/main', commit);
  const told = await world.post(webhook.id, body, sign(secret, body));
  assert.equal(told.status, 202, told.text);
  const [push] = await untilEnded(world, webhook.id);
  assert.equal(push?.state, 'deployed', JSON.stringify(push));
  assert.deepEqual(
    world.world.recorded.map(({ ref, commit: of, environment }) => [ref, of, environment]),
    [['refs/heads/main', commit, 'production']],
  );
  assert.deepEqual(await world.post(webhook.id, body, sign(secret, body)), told);
  assert.equal((await listHookPushes(world.db, webhook.id, 9)).length, 1);
  assert.equal(world.world.recorded.length, 1);
  assert.deepEqual(world.errors, []);
});

test('a forge that does not answer keeps no other one waiting', async (t) => {
  const world = await open(t);
  let asked = 0;
  // Fast enough for git never to call it dead.
  const endless = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
    const more = setInterval(() => response.write('x'.repeat(2000)), 200);
    response.on('close', () => clearInterval(more));
  });
  endless.listen(0, '127.0.0.1');
  await once(endless, 'listening');
  t.after(() => endless.close());
  const { port } = endless.address() as AddressInfo;
  const slow = await world.add({ repository: `http://127.0.0.1:${port}/owner-shop.git` });
  const { webhook, secret } = await world.add();
  const body = bodyOf('refs/heads/main', await mustRun(world.source, 'rev-parse', 'HEAD'));
  await world.post(slow.webhook.id, body, sign(slow.secret, body));
  await eventually(() => asked > 0, patience);
  await world.post(webhook.id, body, sign(secret, body));
  const [push] = await untilEnded(world, webhook.id);
  assert.equal(push?.state, 'deployed', JSON.stringify(push));
  const [waiting] = await listHookPushes(world.db, slow.webhook.id, 9);
  assert.deepEqual([waiting?.attempts, waiting?.code], [1, null]);
});

test('a URL with a percent sign that stands for nothing makes no webhook, and no error of one that is there', async (t) => {
  const world = await open(t);
  const repository = 'https://git.example.com/owner/a%zz.git';
  const token = await world.makeToken(null, 'admin');
  const made = await world.ask('POST', '/api/v1/apps/shop/webhooks', {
    token,
    body: { forge: 'github', repository },
  });
  assert.deepEqual([made.status, made.json.code], [400, 'url_not_allowed']);
  const { webhook, secret } = await world.add({ repository });
  const body = bodyOf('refs/heads/main', 'a'.repeat(40), 'owner/a');
  const told = await world.post(webhook.id, body, sign(secret, body));
  assert.deepEqual([told.status, Object.keys(JSON.parse(told.text))], [202, ['ignored']]);
  assert.deepEqual(world.errors, []);
});

test('a hundred deliveries of one commit at once are one deploy', async (t) => {
  const world = await open(t);
  const { webhook, secret } = await world.add();
  const body = bodyOf('refs/heads/main', await mustRun(world.source, 'rev-parse', 'HEAD'));
  const told = await Promise.all(
    Array.from({ length: 100 }, (_, n) => world.post(webhook.id, body, sign(secret, body, `d-${n}`))),
  );
  assert.ok(told.every(({ status }) => status === 202));
  await eventually(async () => {
    const pushes = await listHookPushes(world.db, webhook.id, 200);
    return pushes.length > 0 && pushes.every(({ endedAt }) => endedAt !== null);
  }, patience);
  assert.equal(world.world.recorded.length, 1);
});

test('what a server had begun that was killed is done by the next one at once', async (t) => {
  const world = await open(t);
  const { db, restart } = world;
  const { webhook } = await world.add();
  const commit = await mustRun(world.source, 'rev-parse', 'HEAD');
  const updates = [{ ref: 'refs/heads/main', commit }];
  await restart(async () => {
    const answer = { status: 202, body: {} };
    await recordDelivery(db, { webhookId: webhook.id, delivery: 'd-1', answer, updates });
    const [push] = await listDuePushes(db, Date.now());
    await countAttempt(db, push?.id ?? 0, Date.now() + 10 * 60_000);
  });
  const [push] = await untilEnded(world, webhook.id);
  assert.deepEqual([push?.state, push?.attempts], ['deployed', 2], JSON.stringify(push));
});

test('a client that leaves in the middle of its request is no bug', async (t) => {
  const { server, port, errors } = await open(t);
  const headers = { 'content-length': 100 };
  const asked = request({ host: '127.0.0.1', port, path: '/hooks/w_1', method: 'POST', headers });
  asked.on('error', () => undefined);
  const come = once(server, 'request');
  asked.write('{');
  const [incoming] = (await come) as [IncomingMessage];
  const left = new Promise((resolve) => incoming.once('close', resolve));
  asked.destroy();
  await left;
  await setImmediate();
  assert.deepEqual(errors, []);
});

test('who has no signature learns nothing, and what deploys nothing is ignored and says why', async (t) => {
  const world = await open(t);
  const { webhook, secret } = await world.add({ branches: ['main', 'v1'] });
  const commit = await mustRun(world.source, 'rev-parse', 'HEAD');
  const body = bodyOf('refs/heads/main', commit);
  const good = sign(secret, body);
  const upper = good['x-hub-signature-256']?.toUpperCase().replace('SHA256', 'sha256') ?? '';
  const bad = [
    await world.post(webhook.id, body, {}),
    await world.post(webhook.id, `${body} `, good),
    await world.post(webhook.id, body, sign('another secret', body)),
    await world.post(webhook.id, body, { ...good, 'x-hub-signature-256': upper }),
    await world.post(webhook.id, body, {
      ...good,
      'x-hub-signature-256': `sha256=${good['x-hub-signature-256']}`,
    }),
    await world.post('w_of_nobody', body, good),
    await world.post('../x', body, good),
  ];
  assert.deepEqual([...new Set(bad.map(({ status }) => status))], [401]);
  assert.equal(new Set(bad.map(({ text }) => text)).size, 1);
  const large = 'x'.repeat(1024 * 1024 + 1);
  assert.equal((await world.post(webhook.id, large, sign(secret, large))).status, 413);
  assert.equal((await world.post(webhook.id, '{', sign(secret, '{'))).status, 400);
  const ping = await world.post(webhook.id, '{}', { ...sign(secret, '{}'), 'x-github-event': 'ping' });
  assert.deepEqual([ping.status, JSON.parse(ping.text)], [200, { pong: true }]);
  const rows: [string, Record<string, string>, RegExp][] = [
    [body, { 'x-github-event': 'issues' }, /the event ..issues.. deploys nothing/],
    [bodyOf('refs/heads/other', commit), {}, /none of those of this webhook/],
    [bodyOf('refs/heads/v1', commit), {}, /no environment takes/],
    [bodyOf('refs/heads/main', commit, 'somebody/else'), {}, /another repository/],
  ];
  for (const [text, headers, why] of rows) {
    const told = await world.post(webhook.id, text, { ...sign(secret, text), ...headers });
    assert.equal(told.status, 202);
    assert.match(told.text, why);
  }
  assert.deepEqual(await listHookPushes(world.db, webhook.id, 9), []);
});

test('a source that is refused is refused here too, and a repository that cannot be had is tried again', async (t) => {
  const world = await open(t);
  const { webhook, secret } = await world.add();
  await commitFile(world.source, 'Dockerfile', '');
  const commit = await mustRun(world.source, 'rev-parse', 'HEAD');
  const repository = join(world.forge.folder, 'repositories', 'id-owner-shop.git');
  await mustRun(repository, 'fetch', '-q', world.source, '+main:refs/heads/main');
  const body = bodyOf('refs/heads/main', commit);
  await world.post(webhook.id, body, sign(secret, body));
  const [push] = await untilEnded(world, webhook.id);
  assert.deepEqual([push?.state, push?.code], ['refused', 'dockerfile_empty'], JSON.stringify(push));
  const wrong = await world.add({ token: 'wrong' });
  await world.post(wrong.webhook.id, body, sign(wrong.secret, body));
  await eventually(
    async () => (await listHookPushes(world.db, wrong.webhook.id, 1))[0]?.code != null,
    patience,
  );
  const [waiting] = await listHookPushes(world.db, wrong.webhook.id, 1);
  assert.deepEqual([waiting?.state, waiting?.code], ['waiting', 'repository_not_fetched']);
  assert.doesNotMatch(waiting?.detail ?? '', /wrong/);
});

test('addresses that are not public are not fetched from, unless the operator allows them', async (t) => {
  const world = await open(t, []);
  const { webhook, secret } = await world.add();
  const body = bodyOf('refs/heads/main', 'a'.repeat(40));
  await world.post(webhook.id, body, sign(secret, body));
  const [push] = await untilEnded(world, webhook.id);
  assert.deepEqual([push?.state, push?.code], ['failed', 'url_not_allowed']);
});

test('a webhook that looks by itself deploys what is new, once', async (t) => {
  const world = await open(t);
  const { webhook } = await world.add({ pollMs: 60_000 });
  await untilEnded(world, webhook.id);
  assert.equal(world.world.recorded.length, 1);
});

test('every forge is understood in its own words', async (t) => {
  const world = await open(t);
  const commit = await mustRun(world.source, 'rev-parse', 'HEAD');
  const main = { ref: 'refs/heads/main', after: commit };
  const side = { type: 'branch', name: 'main', target: { hash: commit } };
  const bodies = {
    github: main,
    gitea: main,
    gitlab: { ...main, project: { path_with_namespace: 'owner-shop' } },
    bitbucket: { push: { changes: [{ new: side, old: null }] } },
    generic: { ref: 'main' },
  };
  for (const forge of forges) {
    const { webhook, secret } = await world.add({ forge });
    const body = JSON.stringify(bodies[forge]);
    const hex = createHmac('sha256', secret).update(body).digest('hex');
    const timestamp = String(Math.floor(Date.now() / 1000));
    const standard = (at: string) => ({
      ...{ 'webhook-id': 'm-1', 'webhook-timestamp': at },
      'webhook-signature': `v1,AAAA v1,${signStandard(secret, { id: 'm-1', timestamp: at, body })}`,
    });
    const headers: Record<typeof forge, Record<string, string>> = {
      github: { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hex}` },
      gitea: { 'x-gitea-event': 'push', 'x-gitea-signature': hex },
      gitlab: { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': secret },
      bitbucket: { 'x-event-key': 'repo:push', 'x-hub-signature': `sha256=${hex}` },
      generic: standard(timestamp),
    };
    const told = await world.post(webhook.id, body, headers[forge]);
    assert.equal(told.status, 202, `${forge}: ${told.text}`);
    assert.match(told.text, /"accepted":\["refs\/heads\/main"\]/, forge);
    if (forge === 'gitlab') {
      const signed = { 'x-gitlab-event': 'Push Hook', ...standard(timestamp) };
      assert.equal((await world.post(webhook.id, body, signed)).status, 202);
    }
    if (forge !== 'generic') continue;
    for (const at of [-3600, 3600]) {
      const stale = await world.post(webhook.id, body, standard(String(Number(timestamp) + at)));
      assert.deepEqual([stale.status, JSON.parse(stale.text).code], [401, 'webhook_stale']);
    }
  }
});
