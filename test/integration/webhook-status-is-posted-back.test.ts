import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { endPush, listDuePushes, recordDelivery } from '../../src/store/hook-pushes.ts';
import { addWebhook } from '../../src/store/webhooks.ts';
import type { HookParts } from '../../src/webhooks/perform.ts';
import { planStatus, reportStatuses } from '../../src/webhooks/status.ts';
import { openApiWorld } from '../support/api-world.ts';

const told = { commit: 'c'.repeat(40), deployId: 7, env: 'staging', status: 'failure' } as const;

test('each forge is told in its own words', () => {
  const plan = (forge: 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'generic', repository: string) =>
    planStatus({ forge, repository }, 'T', told);
  const at = `statuses/${told.commit}`;
  assert.equal(plan('github', 'https://github.com/a/b.git')?.url, `https://api.github.com/repos/a/b/${at}`);
  assert.equal(plan('github', 'https://ghe.example/a/b')?.url, `https://ghe.example/api/v3/repos/a/b/${at}`);
  assert.equal(
    plan('gitea', 'ssh://git@g.example:22/a/b.git')?.url,
    `https://g.example/api/v1/repos/a/b/${at}`,
  );
  const gitlab = plan('gitlab', 'https://gitlab.com/a/b/c.git');
  assert.equal(gitlab?.url, `https://gitlab.com/api/v4/projects/a%2Fb%2Fc/${at}`);
  assert.equal(JSON.parse(gitlab?.body ?? '').state, 'failed');
  assert.match(
    plan('bitbucket', 'https://bitbucket.org/a/b.git')?.url ?? '',
    /repositories\/a\/b\/commit\/c+\/statuses/,
  );
  assert.equal(plan('generic', 'https://x.example/a/b'), null);
});

test('a forge is told that a deploy is under way and how it ended, once each, and again when it was away', async (t) => {
  const { db, shop, queue, finish } = await openApiWorld(t);
  const received: string[] = [];
  let status = 500;
  // Stands for the forge.
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push(`${request.headers.authorization} ${request.url} ${JSON.parse(body).state}`);
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const repository = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a/b.git`;
  const wanted = { appId: shop.app.id, forge: 'gitea', repository, branches: [], pollMs: null } as const;
  const { webhook } = await addWebhook(db, { ...wanted, token: 'T', actor: 'ops' });
  const deploy = await queue();
  const answer = { status: 202, body: {} };
  const updates = [{ ref: 'refs/heads/main', commit: told.commit }];
  await recordDelivery(db, { webhookId: webhook.id, delivery: 'd', answer, updates });
  const [push] = await listDuePushes(db, Date.now());
  await endPush(db, push?.id ?? 0, { state: 'deployed', deployId: deploy.id });
  const rules = { allow: ['127.0.0.0/8'], ownNames: [] };
  const said: object[] = [];
  const log = { info: (fields: object) => void said.push(fields), error: () => undefined };
  const parts = { db, rules, log } as unknown as HookParts;
  const report = () => reportStatuses(parts, new AbortController().signal);
  await report();
  status = 201;
  await report();
  await report();
  await finish(deploy);
  await report();
  await report();
  const line = (state: string) => `token T /api/v1/repos/a/b/statuses/${told.commit} ${state}`;
  assert.deepEqual(received, [line('pending'), line('pending'), line('success')]);
  assert.deepEqual(said, [{ webhook: webhook.id, deploy: deploy.id, why: 'it answered 500' }]);
});
