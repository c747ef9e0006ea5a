import { makeKeyPair } from '../../fleet/ssh.ts';
import type { HookPush, Webhook } from '../../model/webhook.ts';
import { readOutboundRules } from '../../outbound/addresses.ts';
import { pinAddress } from '../../outbound/resolve.ts';
import { recordChange } from '../../store/audit/audit.ts';
import { listHookPushes } from '../../store/hook-pushes.ts';
import { addWebhook, getWebhook, listWebhooks, removeWebhook, setWebhookKey } from '../../store/webhooks.ts';
import { parseRepositoryUrl } from '../../webhooks/fetch.ts';
import type { ApiDesk } from '../desk.ts';
import { nothing } from '../input.ts';
import { newWebhook } from '../input-webhooks.ts';
import { type Route, route } from '../route.ts';

const shownPushes = 20;

export const webhookRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/apps/:app/webhooks',
    scope: 'app',
    right: 'admin',
    title: 'Webhooks through which forges deploy the app',
    query: nothing,
    body: nothing,
    listBy: ['createdAt', 'id'],
    async answer({ desk, app }) {
      const items = (await listWebhooks(desk.db, app.id)).map((webhook) => describe(desk, webhook));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/webhooks',
    scope: 'app',
    right: 'admin',
    title: 'Makes a webhook; its secret is shown this once',
    query: nothing,
    body: newWebhook,
    shownOnce: true,
    async answer({ desk, app, actor, body }) {
      const rules = readOutboundRules(desk.config);
      const url = parseRepositoryUrl(body.repository, rules);
      await pinAddress(url, rules);
      const { forge, branches, poll = null, token = null } = body;
      const wanted = { forge, branches, appId: app.id, repository: url.href, pollMs: poll, token };
      const { webhook, secret } = await recordChange(desk.db, (tx) =>
        addWebhook(tx, { ...wanted, actor: actor.name }),
      );
      return { status: 201, json: { ...describe(desk, webhook), secret } };
    },
  }),
  route({
    method: 'GET',
    path: '/apps/:app/webhooks/:webhook',
    scope: 'app',
    right: 'admin',
    title: 'A webhook, and what became of what it was told last',
    query: nothing,
    body: nothing,
    async answer({ desk, app, params }) {
      const webhook = await getWebhook(desk.db, app.id, params.webhook ?? '');
      const pushes = await listHookPushes(desk.db, webhook.id, shownPushes);
      return { json: { ...describe(desk, webhook), pushes: pushes.map(describePush) } };
    },
  }),
  route({
    method: 'POST',
    path: '/apps/:app/webhooks/:webhook/key',
    scope: 'app',
    right: 'admin',
    title: 'Makes a key with which the repository is fetched over SSH, and shows its public half',
    query: nothing,
    body: nothing,
    async answer({ desk, app, params }) {
      const webhook = await getWebhook(desk.db, app.id, params.webhook ?? '');
      const pair = makeKeyPair(`hawser-${app.name}`);
      const key = { publicKey: pair.public, privateKey: pair.private };
      await recordChange(desk.db, (tx) => setWebhookKey(tx, webhook, key));
      return { status: 201, json: { id: webhook.id, publicKey: pair.public } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/apps/:app/webhooks/:webhook',
    scope: 'app',
    right: 'admin',
    title: 'Removes a webhook: the forge is refused from then on',
    query: nothing,
    body: nothing,
    async answer({ desk, app, params }) {
      const webhook = await getWebhook(desk.db, app.id, params.webhook ?? '');
      await recordChange(desk.db, (tx) => removeWebhook(tx, webhook.id));
      return { json: { id: webhook.id, removed: true } };
    },
  }),
];

function describe({ config }: ApiDesk, webhook: Webhook) {
  const { id, forge, repository, branches, pollMs, publicKey, hasToken, createdAt, createdBy } = webhook;
  const url = `${config.url}/hooks/${id}`;
  return { id, url, forge, repository, branches, pollMs, publicKey, hasToken, createdAt, createdBy };
}

function describePush({
  ref,
  commit,
  state,
  attempts,
  deployId,
  code,
  detail,
  receivedAt,
  endedAt,
}: HookPush) {
  return { ref, commit, state, attempts, deploy: deployId, code, detail, receivedAt, endedAt };
}
