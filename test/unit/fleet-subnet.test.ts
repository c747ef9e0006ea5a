import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseAddress, chooseSubnet, lowerHalf } from '../../src/fleet/subnet.ts';

const none = new Set<string>();
const almostOne = 1 - Number.EPSILON;

test('a subnet overlaps none that is there', () => {
  assert.equal(chooseSubnet([]), '10.213.0.0/24');
  assert.equal(chooseSubnet(['10.213.0.0/24', '10.213.1.64/28', 'fd00::/64']), '10.213.2.0/24');
  assert.equal(chooseSubnet(['10.213.0.0/17']), '10.213.128.0/24');
  assert.throws(() => chooseSubnet(['10.0.0.0/8']), /no subnet/);
});

test('the engine keeps the lower half of a subnet, and all of a small one', () => {
  assert.equal(lowerHalf('172.18.0.0/16'), '172.18.0.0/17');
  assert.equal(lowerHalf('10.213.4.128/26'), '10.213.4.128/27');
  assert.equal(lowerHalf('10.213.4.0/27'), null);
  assert.equal(lowerHalf('fd00::/64'), null);
  assert.equal(lowerHalf(null), null);
});

test('an address is of the upper half and never the last, and one that is taken is gone past', () => {
  assert.equal(chooseAddress('172.18.0.0/16', none, 0), '172.18.128.0');
  assert.equal(chooseAddress('172.18.0.0/16', none, almostOne), '172.18.255.254');
  assert.equal(chooseAddress('10.213.4.128/26', none, 0), '10.213.4.160');
  assert.equal(chooseAddress('172.18.0.0/16', new Set(['172.18.255.254']), almostOne), '172.18.128.0');
  const all = Array.from({ length: 31 }, (_, index) => `10.0.0.${32 + index}`);
  assert.equal(chooseAddress('10.0.0.0/26', new Set(all), 0.5), null);
  assert.equal(chooseAddress('10.0.0.0/26', new Set(all.toSpliced(7, 1)), 0.5), '10.0.0.39');
});

test('whatever the subnet, an address that is chosen is in it and not in what the engine keeps', () => {
  const subnets = fc.tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 8, max: 26 })).map(([number, prefix]) => {
    const start = Math.floor(number / 2 ** (32 - prefix)) * 2 ** (32 - prefix);
    return `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join('.')}/${prefix}`;
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(subnets, random, (subnet, chance) => {
      const address = chooseAddress(subnet, none, chance) ?? '';
      assert.ok(listOf(subnet).check(address), `${address} of ${subnet}`);
      assert.ok(!listOf(lowerHalf(subnet) ?? 'none').check(address), `${address} of ${subnet}`);
    }),
    { numRuns: 5_000 },
  );
});

function listOf(subnet: string): BlockList {
  const [address = '', prefix] = subnet.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(prefix));
  return list;
}
