import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { Failure } from '../failure.ts';

export type AskedHead = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly headerCount: number;
};

const mostHeaders = 100;
const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);
/** For those who watch from outside, under whatever name. */
const open = new Set(['/healthz', '/readyz']);

/**
 * What every answer carries, whatever it is: a browser that was led here shows nothing of it, runs nothing in it and
 * tells nobody where it was. A page of ours replaces the policy by one of its own.
 */
export function securityHeaders(url: string): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy':
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ...(url.startsWith('https:') ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}

/**
 * Why a request is refused before anybody reads it, or null. `url` is the server's own. Codes: `headers_too_many`,
 * `host_unknown`, `origin_refused`. Pure.
 */
export function refuseHead(asked: AskedHead, url: string): Failure | null {
  const { method, path, headers, headerCount } = asked;
  if (headerCount > mostHeaders) {
    return new Failure('headers_too_many', `The request has ${headerCount} headers (limit ${mostHeaders}).`);
  }
  if (open.has(path) && method === 'GET') return null;
  const own = new URL(url);
  if (!isOwnHost(headers.host ?? '', own.hostname)) {
    return new Failure('host_unknown', 'The request is for a host that this server is not known as.');
  }
  if (harmless.has(method) || isOwnOrigin(headers, own)) return null;
  return new Failure('origin_refused', 'A page of another site may not change anything here.');
}

/**
 * A page can make its own name lead to our address (DNS rebinding), but not an address, a name without a dot or one of
 * localhost: those are believed, beside the host of `url`.
 */
function isOwnHost(header: string, own: string): boolean {
  const host = URL.parse(`http://${header}`)?.hostname.replace(/\.$/, '');
  if (host === undefined || /[/?#@\\\s]/.test(header)) return false;
  if (host === own || !host.includes('.') || host.endsWith('.localhost')) return true;
  return isIP(host.replace(/^\[|\]$/g, '')) > 0;
}

/** Only browsers say where a request comes from; what they say must be this server. */
function isOwnOrigin({ origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders, own: URL): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return true;
  return origin === own.origin || URL.parse(origin)?.host === host;
}
