import { BlockList } from 'node:net';
import { Failure } from '../failure.ts';

// 256 networks of 253 containers each, in a range that few sites use.
const base = '10.213';
// Of a smaller subnet, half would be too little.
const longestPrefix = 26;

/** The first /24 of 10.213.0.0/16 that no network of the engine overlaps. */
export function chooseSubnet(used: readonly string[]): string {
  const taken = new BlockList();
  for (const subnet of used) addSubnet(taken, subnet);
  for (let third = 0; third < 256; third += 1) {
    const front = `${base}.${third}.`;
    // Either it lies in one that is there, or one that is there begins in it.
    if (!taken.check(`${front}0`) && !used.some((other) => other.startsWith(front))) return `${front}0/24`;
  }
  throw new Failure('docker_failed', 'no subnet of 10.213.0.0/16 is free for another network', {
    fix: 'Set default-address-pools in daemon.json of that server.',
  });
}

function addSubnet(taken: BlockList, subnet: string): void {
  const [address, bits] = subnet.split('/');
  if (address?.includes('.') && bits !== undefined) taken.addSubnet(address, Number(bits));
}

/** The half of an IPv4 subnet in which its engine may give addresses by itself; null when it is too small or none. */
export function lowerHalf(subnet: string | null): string | null {
  const [address, prefix] = (subnet ?? '').split('/');
  return prefix === undefined || Number(prefix) > longestPrefix ? null : `${address}/${Number(prefix) + 1}`;
}

/**
 * An address of the other half that is not among those `taken`, by a number in [0, 1); null when there is none. Any of
 * them is as likely as any other.
 */
export function chooseAddress(subnet: string, taken: ReadonlySet<string>, random: number): string | null {
  const [address = '', prefix] = subnet.split('/');
  const half = 2 ** (31 - Number(prefix));
  const first = toNumber(address) + half;
  // The last address of a subnet is everybody's.
  const count = half - 1;
  const start = Math.floor(random * count);
  for (let step = 0; step < count; step += 1) {
    const chosen = toAddress(first + ((start + step) % count));
    if (!taken.has(chosen)) return chosen;
  }
  return null;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
