import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EnvironmentConfig, PreviewConfig } from '../config.ts';
import { Failure } from '../failure.ts';
import { type Audit, plainAddress } from '../model/audit.ts';
import { type ForgeEvent, type ForgeUpdate, readRepositoryPath, type Webhook } from '../model/webhook.ts';
import { describeGitAct, toRefusal } from '../receive/git/audit.ts';
import { isTaken } from '../receive/plan.ts';
import type { Database } from '../store/database.ts';
import { type HookAnswer, recordDelivery } from '../store/hook-pushes.ts';
import { findWebhook } from '../store/webhooks.ts';
import { readDelivery, readEvent } from './event.ts';
import { checkSignature, refused } from './signature.ts';

export type HookDoor = {
  matches(url: string): boolean;
  /** Never throws and never rejects. */
  respond(request: IncomingMessage, response: ServerResponse): void;
};

export type HookDoorOptions = {
  readonly db: Database;
  readonly environments: () => readonly EnvironmentConfig[];
  readonly previews: () => PreviewConfig | null;
  readonly audit: Audit;
  /** What a forge told is in the ledger: it may be fetched now. */
  readonly wake: () => void;
  readonly log: { error(fields: object, message: string): void };
};

const maxBytes = 1024 * 1024;
const address = /^\/hooks\/([A-Za-z0-9_]{1,64})$/;
// What nobody has: a stranger's request takes the same way as that of a forge.
const nobodysSecret = `whsec_${Buffer.alloc(32).toString('base64')}`;

/** The door of forges: `POST /hooks/ID`. What is pushed is durable before it is answered, and fetched after. */
export function openHookDoor(options: HookDoorOptions): HookDoor {
  const { log } = options;
  return {
    matches: (url) => url.startsWith('/hooks/'),
    respond(request, response) {
      request.on('error', () => request.destroy());
      response.on('error', () => response.destroy());
      answer(request, options)
        .then((told) => send(response, told))
        .catch((error: unknown) => {
          // A client that leaves in the middle of its request is no bug.
          if (!(error instanceof Failure) && request.complete)
            log.error({ err: error }, 'a webhook failed by a bug');
          send(response, describe(error));
        });
    },
  };
}

async function answer(request: IncomingMessage, options: HookDoorOptions): Promise<HookAnswer> {
  const [, id] = address.exec(request.url ?? '') ?? [];
  if (id === undefined) throw refused();
  if (request.method !== 'POST') throw new Failure('method_not_allowed', 'This address takes POST.');
  const body = await readBody(request);
  const found = await findWebhook(options.db, id);
  const origin = { door: 'webhook', address: plainAddress(request.socket.remoteAddress) } as const;
  try {
    const signed = { headers: request.headers, body, now: new Date() };
    checkSignature(found?.webhook.forge ?? 'github', signed, found?.secrets.secret ?? nobodysSecret);
    if (found === undefined) throw refused();
  } catch (error) {
    const act = describeGitAct(origin, null, {
      action: 'webhooks:receive',
      object: found?.webhook.id ?? null,
    });
    await options.audit.note(act, toRefusal(error));
    throw error;
  }
  return take(found.webhook, readEvent(found.webhook.forge, request.headers, body), {
    request,
    body,
    options,
  });
}

async function take(
  webhook: Webhook,
  event: ForgeEvent,
  {
    request,
    body,
    options,
  }: { readonly request: IncomingMessage; readonly body: Buffer; readonly options: HookDoorOptions },
): Promise<HookAnswer> {
  if (event.kind === 'ping') return { status: 200, body: { pong: true } };
  if (event.kind === 'other') return ignored(event.why);
  const repository = event.repository === null ? null : refuseRepository(webhook, event.repository);
  if (repository !== null) return ignored(repository);
  const verdicts = event.updates.map((update) => ({ update, why: refuseRef(webhook, update, options) }));
  const updates = verdicts.filter(({ why }) => why === null).map(({ update }) => update);
  const whys = [...new Set(verdicts.flatMap(({ why }) => why ?? []))];
  if (updates.length === 0) return ignored(whys.join('; ') || 'no branch was changed');
  const delivery =
    readDelivery(webhook.forge, request.headers) || createHash('sha256').update(body).digest('hex');
  const refs = updates.map(({ ref }) => ref);
  const told: HookAnswer = { status: 202, body: { accepted: refs, delivery } };
  const recorded = await recordDelivery(options.db, {
    webhookId: webhook.id,
    delivery,
    answer: told,
    updates,
  });
  if (recorded.isNew) options.wake();
  return recorded.answer;
}

function ignored(why: string): HookAnswer {
  return { status: 202, body: { ignored: why } };
}

/** A forge names `owner/name`, and the URL that is fetched ends with it. */
function refuseRepository({ repository }: Webhook, named: string): string | null {
  const path = readRepositoryPath(repository);
  if (path === null) return 'the URL of this webhook names no repository';
  const isSame = `/${path}`.toLowerCase().endsWith(`/${named.toLowerCase()}`);
  return isSame ? null : 'it is about another repository than the one of this webhook';
}

function refuseRef(webhook: Webhook, { ref }: ForgeUpdate, options: HookDoorOptions): string | null {
  const branch = ref.replace(/^refs\/heads\//, '');
  if (webhook.branches.length > 0 && !webhook.branches.includes(branch)) {
    return 'the branch is none of those of this webhook';
  }
  const known = { environments: options.environments(), previews: options.previews() };
  return isTaken(ref, known) ? null : 'no environment takes the branch or tag';
}

/** Throws `body_too_large` before anything of it is read as words. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = () => new Failure('body_too_large', 'The body is larger than 1 MB.');
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function describe(error: unknown): HookAnswer {
  if (!(error instanceof Failure)) return { status: 500, body: { code: 'internal' } };
  return { status: error.status, body: { code: error.code, detail: error.message, fix: error.fix } };
}

function send(response: ServerResponse, { status, body }: HookAnswer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...(status === 413 ? { connection: 'close' } : {}),
    ...(status === 405 ? { allow: 'POST' } : {}),
  });
  response.end(`${JSON.stringify(body)}\n`);
}
