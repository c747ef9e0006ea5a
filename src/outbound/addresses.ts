import ipaddr from 'ipaddr.js';
import { Failure } from '../failure.ts';

/** Where the server may go by itself: besides public addresses these networks, and never to its own names. */
export type OutboundRules = {
  /** CIDR, as deploy.config.json has them. */
  readonly allow: readonly string[];
  /** Lower case. */
  readonly ownNames: readonly string[];
};

/** The rules of an installation. */
export function readOutboundRules({
  url,
  webhooks,
}: {
  readonly url: string;
  readonly webhooks: { readonly allow: readonly string[] };
}): OutboundRules {
  return { allow: webhooks.allow, ownNames: [hostOf(new URL(url)).toLowerCase(), 'localhost'] };
}

type Kind = 'public' | 'allowed' | 'refused';

/** Whether an address may be reached. Only what is public is, whatever other range it is in; and what is allowed. */
export function judgeAddress(address: string, { allow }: Pick<OutboundRules, 'allow'>): Kind {
  if (!ipaddr.isValid(address)) return 'refused';
  // An IPv4 address in the form of IPv6 is the IPv4 address.
  const parsed = ipaddr.process(address);
  if (allow.some((network) => isInside(parsed, network))) return 'allowed';
  return parsed.range() === 'unicast' ? 'public' : 'refused';
}

function isInside(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const [base, bits] = ipaddr.parseCIDR(network);
  return address.kind() === base.kind() && address.match(base, bits);
}

export function isNetwork(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

/** The URL with nothing in it that hides where it leads. Throws `url_not_allowed`. */
export function parseOutboundUrl(text: string, schemes: readonly string[], rules: OutboundRules): URL {
  // The parser would drop these without a word.
  if (/[\p{Cc}\s\\]/u.test(text)) throw notAllowed('it has a character that no URL has');
  const url = URL.parse(text);
  if (url === null) throw notAllowed('it is no URL');
  const scheme = url.protocol.slice(0, -1);
  if (!schemes.includes(scheme)) throw notAllowed(`it must begin with ${schemes.join(':// or ')}://`);
  if (url.password !== '' || (url.username !== '' && scheme !== 'ssh')) {
    throw notAllowed('it has a name or a password in it');
  }
  const host = hostOf(url);
  if (host === '') throw notAllowed('it names no host');
  const isAllowed = ipaddr.isValid(host) && judgeAddress(host, rules) === 'allowed';
  if (!isAllowed && rules.ownNames.includes(host.toLowerCase().replace(/\.$/, ''))) {
    throw notAllowed('it leads to this server itself');
  }
  if (ipaddr.isValid(host)) requireAddress(host, rules);
  return url;
}

/** Without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Throws `url_not_allowed`. */
export function requireAddress(address: string, rules: Pick<OutboundRules, 'allow'>): 'public' | 'allowed' {
  const kind = judgeAddress(address, rules);
  if (kind === 'refused') throw notAllowed('it leads to an address that is not public');
  return kind;
}

export function notAllowed(why: string): Failure {
  return new Failure('url_not_allowed', `The URL is not allowed: ${why}.`);
}
