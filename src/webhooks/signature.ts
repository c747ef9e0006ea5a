import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Failure } from '../failure.ts';
import type { Forge } from '../model/webhook.ts';

/** A request as it came: the signature is over the very bytes. */
export type SignedRequest = {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly now: Date;
};

const windowMs = 5 * 60_000;

/** What a signature is compared with, in the words of each forge. */
const checks: Readonly<Record<Forge, (request: SignedRequest, secret: string) => boolean>> = {
  github: (request, secret) => hasHexHmac(request, secret, ['x-hub-signature-256'], 'sha256='),
  bitbucket: (request, secret) => hasHexHmac(request, secret, ['x-hub-signature'], 'sha256='),
  gitea: (request, secret) => hasHexHmac(request, secret, ['x-forgejo-signature', 'x-gitea-signature'], ''),
  gitlab: (request, secret) =>
    request.headers['webhook-signature'] === undefined
      ? isSame(single(request, 'x-gitlab-token'), secret)
      : isStandard(request, secret),
  generic: isStandard,
};

/**
 * Lets through what was signed with the secret. Throws `webhook_refused`, the same for whatever is wrong, and
 * `webhook_stale` for what is signed and too old, or from the future.
 */
export function checkSignature(forge: Forge, request: SignedRequest, secret: string): void {
  if (!checks[forge](request, secret)) throw refused();
}

export function refused(): Failure {
  return new Failure('webhook_refused', 'There is no such webhook, or its signature is not right.');
}

/** The first of the headers that is there is the one that counts. */
function hasHexHmac(
  request: SignedRequest,
  secret: string,
  names: readonly string[],
  front: string,
): boolean {
  const name = names.find((each) => request.headers[each] !== undefined) ?? '';
  const wanted = createHmac('sha256', secret).update(request.body).digest('hex');
  return isSame(single(request, name), front + wanted);
}

/** Standard Webhooks: base64 HMAC-SHA256 over `id.timestamp.body`, one of those that are given must fit. */
function isStandard(request: SignedRequest, secret: string): boolean {
  const [id, sent] = [single(request, 'webhook-id'), single(request, 'webhook-timestamp')];
  if (id === '' || !/^\d{1,12}$/.test(sent)) return false;
  const given = single(request, 'webhook-signature').split(' ').slice(0, 10);
  const wanted = `v1,${signStandard(secret, { id, timestamp: sent, body: request.body })}`;
  if (!given.some((each) => isSame(each, wanted))) return false;
  if (Math.abs(request.now.getTime() - Number(sent) * 1000) <= windowMs) return true;
  throw new Failure('webhook_stale', 'It was signed more than 5 minutes ago, or is from the future.');
}

export type StandardMessage = {
  readonly id: string;
  /** Seconds since 1970. */
  readonly timestamp: string;
  readonly body: Buffer | string;
};

/** The signature of Standard Webhooks, in base64; the key is what `whsec_` is in front of. */
export function signStandard(secret: string, { id, timestamp, body }: StandardMessage): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
}

/** A header that came once; '' otherwise. */
function single({ headers }: SignedRequest, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

/** In a time that tells nothing, not even of lengths. */
function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
