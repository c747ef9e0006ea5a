import { join } from 'node:path';
import type { EnvironmentConfig, Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { App } from '../model/app.ts';
import { anyCommit, type HookPush, type Webhook } from '../model/webhook.ts';
import type { OutboundRules } from '../outbound/addresses.ts';
import type { LookUp } from '../outbound/resolve.ts';
import type { Git } from '../receive/git/repositories.ts';
import type { GitRuns } from '../receive/git/runs.ts';
import { zeroOid } from '../receive/plan.ts';
import { listApps } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import {
  countAttempt,
  endPush,
  findDeployOfCommit,
  forgetPush,
  type HookPushEnd,
  recordDelivery,
  wasTried,
} from '../store/hook-pushes.ts';
import { findWebhook, takeDuePolls, type WebhookSecrets } from '../store/webhooks.ts';
import { fetchRef } from './fetch.ts';
import { pushFetched } from './push.ts';

export type HookParts = {
  readonly db: Database;
  readonly git: Git;
  readonly runs: GitRuns;
  readonly environments: () => readonly EnvironmentConfig[];
  readonly limits: Pick<Limits, 'push'>;
  readonly rules: OutboundRules;
  /** Folder for what is being fetched, emptied at the start. */
  readonly folder: string;
  readonly keys: string;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
  readonly look?: LookUp;
  readonly timeoutMs?: number;
  /** How often the ledger is looked at, beside being told. */
  readonly lookMs?: number;
};

const fetchMs = 10 * 60_000;
/** So often a push is tried before it has failed. */
export const mostAttempts = 6;
// Twice as long each time: 15 s, 30 s … 4 min.
const firstRetryMs = 15_000;
/** What does not become better by itself. */
const final = new Set(['url_not_allowed', 'webhook_not_found', 'app_not_found']);

/** Fetches and pushes; what fails is tried again later. */
export async function performPush(push: HookPush, parts: HookParts, signal: AbortSignal): Promise<void> {
  const { db, log } = parts;
  const again = Date.now() + firstRetryMs * 2 ** push.attempts + (parts.timeoutMs ?? fetchMs);
  // One that a newer delivery took the place of is not there any more.
  if (!(await countAttempt(db, push.id, again))) return;
  try {
    const end = await deployOne(push, parts, signal);
    // A look that found nothing new is not worth a row.
    if (isPoll(push) && end.state === 'unchanged') return await forgetPush(db, push.id);
    await endPush(db, push.id, end);
    log.info({ webhook: push.webhookId, ref: push.ref, ...end }, 'a forge told of a push');
  } catch (error) {
    if (signal.aborted) return;
    const { code, detail } = explain(error, log);
    const isOver = final.has(code) || push.attempts + 1 >= mostAttempts;
    const nextMs = Date.now() + firstRetryMs * 2 ** push.attempts;
    await endPush(db, push.id, { state: isOver ? 'failed' : 'waiting', code, detail, nextMs });
  }
}

function explain(error: unknown, log: HookParts['log']): { code: string; detail: string } {
  if (error instanceof Failure) return { code: error.code, detail: error.message };
  log.error({ err: error }, 'a push of a forge failed by a bug');
  return { code: 'internal', detail: 'something is wrong in the server' };
}

async function deployOne(push: HookPush, parts: HookParts, signal: AbortSignal): Promise<HookPushEnd> {
  const { db, git } = parts;
  const found = await findWebhook(db, push.webhookId);
  if (found === undefined) throw new Failure('webhook_not_found', 'The webhook was removed.');
  const { webhook } = found;
  const app = await findOwner(webhook, db);
  await git.initRepository(app.id);
  const old = await git.readRef(app.id, push.ref);
  if (push.commit === null) return deleteRef({ push, app, webhook, old }, parts, signal);
  await using fetched = await fetchOne({ push, app, webhook, secrets: found.secrets }, parts, signal);
  const { commit, path } = fetched;
  const isKnown = old === commit || (isPoll(push) && (await isTried(push, app, commit, db)));
  if (isKnown) return { state: 'unchanged', commit, detail: `${push.ref} is at ${commit} already` };
  const wish = { app, webhook, ref: push.ref, old: old ?? zeroOid, commit, from: path, signal };
  const pushed = await pushFetched(wish, parts.runs);
  if (!pushed.ok) return { state: 'refused', commit, code: pushed.code, detail: pushed.detail };
  return { state: 'deployed', commit, deployId: await findDeployOfCommit(db, app.id, commit) };
}

async function findOwner({ appId }: Webhook, db: Database): Promise<App> {
  const app = (await listApps(db)).find(({ id }) => id === appId);
  if (app !== undefined) return app;
  throw new Failure('app_not_found', 'The app of the webhook is gone.');
}

const pollFront = 'poll ';
const isPoll = ({ delivery }: HookPush) => delivery.startsWith(pollFront);

/** What was refused or has failed is not tried again by the clock alone. */
async function isTried(push: HookPush, app: App, commit: string, db: Database): Promise<boolean> {
  return (await wasTried(db, push, commit)) || (await findDeployOfCommit(db, app.id, commit)) !== null;
}

/** Notes the branches of webhooks that look by themselves as if a forge had told of them. */
export async function notePolls({ db, environments }: HookParts, nowMs: number): Promise<void> {
  const taken = environments().flatMap(({ branches }) => branches.filter((name) => !name.includes('*')));
  for (const webhook of await takeDuePolls(db, nowMs)) {
    const branches = webhook.branches.length > 0 ? webhook.branches : taken;
    const updates = branches.map((name) => ({ ref: `refs/heads/${name}`, commit: anyCommit }));
    const delivery = `${pollFront}${new Date(nowMs).toISOString()}`;
    const answer = { status: 202, body: {} };
    await recordDelivery(db, { webhookId: webhook.id, delivery, answer, updates });
  }
}

type Deletion = { push: HookPush; app: App; webhook: Webhook; old: string | null };

async function deleteRef(
  { push, app, webhook, old }: Deletion,
  { git, runs }: HookParts,
  signal: AbortSignal,
): Promise<HookPushEnd> {
  if (old === null) return { state: 'unchanged', detail: `${push.ref} is not there` };
  const wish = { app, webhook, ref: push.ref, old, commit: null, from: git.path(app.id), signal };
  const pushed = await pushFetched(wish, runs);
  if (!pushed.ok) return { state: 'refused', code: pushed.code, detail: pushed.detail };
  return { state: 'deployed', detail: `${push.ref} was deleted` };
}

function fetchOne(
  what: { push: HookPush; app: App; webhook: Webhook; secrets: WebhookSecrets },
  parts: HookParts,
  signal: AbortSignal,
) {
  const { push, app, webhook, secrets } = what;
  const { token, privateKey } = secrets;
  const tokenUser = webhook.forge === 'bitbucket' ? 'x-token-auth' : 'x-access-token';
  const beside = parts.git.path(app.id);
  return fetchRef(
    { url: webhook.repository, ref: push.ref, beside, token, tokenUser, privateKey },
    {
      folder: parts.folder,
      knownHosts: join(parts.keys, 'known_forges'),
      rules: parts.rules,
      maxBytes: parts.limits.push,
      timeoutMs: parts.timeoutMs ?? fetchMs,
      signal,
      ...(parts.look === undefined ? {} : { look: parts.look }),
    },
  );
}
