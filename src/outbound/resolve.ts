import { lookup as lookUp } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Failure } from '../failure.ts';
import { hostOf, notAllowed, type OutboundRules, requireAddress } from './addresses.ts';

/** One address of a host, looked up once: what connects uses it and asks nobody again. */
export type PinnedAddress = {
  readonly address: string;
  readonly family: 4 | 6;
  /** Only because deploy.config.json allows it. */
  readonly isAllowed: boolean;
};

export type LookUp = (host: string) => Promise<readonly { address: string; family: number }[]>;

const askSystem: LookUp = (host) => lookUp(host, { all: true, verbatim: true });

/** Looks a host up; every address that it has must be one that may be reached. Throws `url_not_allowed`, `host_not_found`. */
export async function pinAddress(url: URL, rules: OutboundRules, look?: LookUp): Promise<PinnedAddress> {
  const [first] = await pinAddresses(url, rules, look);
  return first;
}

/** The same with all of its addresses, in the order in which they are to be tried. */
export async function pinAddresses(
  url: URL,
  rules: OutboundRules,
  look: LookUp = askSystem,
): Promise<readonly [PinnedAddress, ...PinnedAddress[]]> {
  const host = hostOf(url);
  const found = isIP(host) === 0 ? await findAll(host, look) : [{ address: host, family: isIP(host) }];
  const kinds = found.map(({ address }) => requireAddress(address, rules));
  const [first, ...rest] = found;
  if (first === undefined) throw new Failure('host_not_found', `${host} has no address.`);
  const isAllowed = kinds.includes('allowed');
  // Without TLS nothing proves who answers: that is for networks of one's own.
  if (url.protocol === 'http:' && !isAllowed) {
    throw notAllowed('http is for addresses in webhooks.allow of deploy.config.json only, others need https');
  }
  const pin = ({ address, family }: typeof first): PinnedAddress => ({
    ...{ address, isAllowed },
    family: family === 6 ? 6 : 4,
  });
  return [pin(first), ...rest.map(pin)];
}

async function findAll(host: string, look: LookUp) {
  try {
    return await look(host);
  } catch (cause) {
    throw new Failure('host_not_found', `${host} cannot be looked up.`, { cause });
  }
}
