import { randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import { Failure } from '../failure.ts';
import type { Forge, Webhook } from '../model/webhook.ts';
import { type Database, joinTransaction } from './database.ts';
import { openSecret, placeOf, sealSecret } from './sealed/sealed.ts';
import type { Tables } from './tables.ts';

export type NewWebhook = Pick<Webhook, 'appId' | 'forge' | 'repository' | 'branches' | 'pollMs'> & {
  /** For fetching over https, and for the commit status. */
  readonly token: string | null;
  readonly actor: string;
};

/** The only text of a webhook's secrets that leaves the ledger; columns `secret`, `token` and `private_key`. */
export type WebhookSecrets = {
  readonly secret: string;
  readonly token: string | null;
  readonly privateKey: string | null;
};

/** Makes a webhook; its secret is returned to be shown this once, and kept, for signatures are made with it. */
export async function addWebhook(
  db: Database,
  wanted: NewWebhook,
): Promise<{ webhook: Webhook; secret: string }> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const key = { id: `w_${randomBytes(12).toString('hex')}`, app_id: wanted.appId };
  const { token } = wanted;
  const row = {
    ...key,
    forge: wanted.forge,
    repository: wanted.repository,
    branches: JSON.stringify(wanted.branches),
    secret: sealSecret(db, placeOf.webhook(key, 'secret'), secret),
    token: token === null ? null : sealSecret(db, placeOf.webhook(key, 'token'), token),
    public_key: null,
    private_key: null,
    poll_ms: wanted.pollMs,
    created_at: new Date().toISOString(),
    created_by: wanted.actor,
  };
  await db.insertInto('webhooks').values(row).execute();
  return { webhook: toWebhook({ ...row, polled_ms: 0 }), secret };
}

export async function listWebhooks(db: Database, appId?: string): Promise<readonly Webhook[]> {
  const query = db.selectFrom('webhooks').selectAll().orderBy('created_at');
  const rows = await (appId === undefined ? query : query.where('app_id', '=', appId)).execute();
  return rows.map(toWebhook);
}

/** With what signs and fetches; undefined when there is none of that id, or its app is destroyed. */
export async function findWebhook(
  db: Database,
  id: string,
): Promise<{ webhook: Webhook; secrets: WebhookSecrets } | undefined> {
  const row = await db
    .selectFrom('webhooks')
    .innerJoin('apps', 'apps.id', 'webhooks.app_id')
    .selectAll('webhooks')
    .where('webhooks.id', '=', id)
    .where('apps.destroyed_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const open = (column: 'secret' | 'token' | 'private_key', sealed: string | null) =>
    sealed === null ? null : openSecret(db, placeOf.webhook(row, column), sealed);
  const secrets = {
    secret: openSecret(db, placeOf.webhook(row, 'secret'), row.secret),
    token: open('token', row.token),
    privateKey: open('private_key', row.private_key),
  };
  return { webhook: toWebhook(row), secrets };
}

/** Throws `webhook_not_found`. */
export async function getWebhook(db: Database, appId: string, id: string): Promise<Webhook> {
  const found = await findWebhook(db, id);
  if (found?.webhook.appId === appId) return found.webhook;
  throw new Failure(
    'webhook_not_found',
    `There is no webhook ${JSON.stringify(id.slice(0, 80))} of this app.`,
  );
}

export async function setWebhookKey(
  db: Database,
  webhook: Pick<Webhook, 'id' | 'appId'>,
  key: { readonly publicKey: string; readonly privateKey: string },
): Promise<void> {
  const { id, appId: app_id } = webhook;
  const private_key = sealSecret(db, placeOf.webhook({ id, app_id }, 'private_key'), key.privateKey);
  await db
    .updateTable('webhooks')
    .set({ public_key: key.publicKey, private_key })
    .where('id', '=', id)
    .execute();
}

/** Webhooks that are to look by themselves now. */
export async function takeDuePolls(db: Database, nowMs: number): Promise<readonly Webhook[]> {
  const due = await db
    .updateTable('webhooks')
    .set({ polled_ms: nowMs })
    .where('poll_ms', 'is not', null)
    .where((eb) => eb(eb('polled_ms', '+', eb.ref('poll_ms')), '<=', nowMs))
    .returningAll()
    .execute();
  return due.map(toWebhook);
}

/** Forgets it, with what it was told and has not done yet. */
export async function removeWebhook(db: Database, id: string): Promise<void> {
  await joinTransaction(db, async (tx) => {
    await tx.deleteFrom('hook_pushes').where('webhook_id', '=', id).execute();
    await tx.deleteFrom('hook_deliveries').where('webhook_id', '=', id).execute();
    await tx.deleteFrom('webhooks').where('id', '=', id).execute();
  });
}

function toWebhook(row: Selectable<Tables['webhooks']>): Webhook {
  return {
    id: row.id,
    appId: row.app_id,
    forge: row.forge as Forge,
    repository: row.repository,
    branches: JSON.parse(row.branches),
    pollMs: row.poll_ms,
    publicKey: row.public_key,
    hasToken: row.token !== null,
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}
