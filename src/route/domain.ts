import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import { Failure } from '../failure.ts';

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** True for a name that may become a key of the load balancer's map: lower case, no port, `*.` in front allowed. */
export function isDomain(text: string): boolean {
  return findDomainFault(text) === undefined;
}

/** A domain as it is stored: A-labels, lower case, no trailing dot. Throws `domain_invalid` with the exact rule. */
export function parseDomain(text: string): string {
  const wildcard = text.startsWith('*.') ? '*.' : '';
  const rest = text.slice(wildcard.length).replace(/\.$/, '');
  const domain = wildcard + (isPlain(rest) ? rest.toLowerCase() : domainToASCII(rest));
  const fault = findDomainFault(domain);
  if (fault !== undefined) throw new Failure('domain_invalid', `domain ${show(text)}: ${fault}`);
  return domain;
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function findDomainFault(domain: string): string | undefined {
  if (domain === '') return 'it is empty or no valid international name';
  if (domain.length > 253) return 'it is longer than 253 characters';
  const labels = (domain.startsWith('*.') ? domain.slice(2) : domain).split('.');
  const bad = labels.find((part) => !label.test(part) || isBrokenPunycode(part));
  if (bad !== undefined) {
    return `the part ${show(bad)} must be 1 to 63 letters, digits and dashes, with no dash at its ends`;
  }
  if (labels.length < 2) return 'it needs at least two parts with a dot between them';
  if (isIP(domain) !== 0 || /^[0-9]+$/.test(labels.at(-1) ?? '')) return 'it must be a name, not an address';
  return undefined;
}

function isBrokenPunycode(part: string): boolean {
  return part.startsWith('xn--') && domainToUnicode(part).startsWith('xn--');
}
