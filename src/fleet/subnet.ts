import { BlockList } from 'node:net';
import { Failure } from '../failure.ts';

// 1024 networks of 61 containers each, in a range that few sites use.
const base = [10, 213] as const;
const step = 64;

/** The first /26 of 10.213.0.0/16 that no network of the engine overlaps. */
export function chooseSubnet(used: readonly string[]): string {
  const taken = new BlockList();
  for (const subnet of used) addSubnet(taken, subnet);
  for (let start = 0; start < 65_536; start += step) {
    const third = start >> 8;
    const fourth = start & 255;
    const ends = [fourth, fourth + step - 1].map((last) => `${base.join('.')}.${third}.${last}`);
    if (!ends.some((address) => taken.check(address))) return `${ends[0]}/26`;
  }
  throw new Failure('docker_failed', 'no subnet of 10.213.0.0/16 is free for another network', {
    fix: 'Set default-address-pools in daemon.json of that server.',
  });
}

function addSubnet(taken: BlockList, subnet: string): void {
  const [address, bits] = subnet.split('/');
  if (address?.includes('.') && bits !== undefined) taken.addSubnet(address, Number(bits));
}
