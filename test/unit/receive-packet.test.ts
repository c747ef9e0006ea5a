import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  flushPacket,
  maxPacketData,
  packetText,
  parsePackets,
  serializeBand,
  serializePacket,
} from '../../src/receive/packet.ts';

test('a packet counts its own four digits', () => {
  assert.equal(serializePacket('a\n').toString(), '0006a\n');
  assert.equal(serializePacket('').toString(), '0004');
});

test('the three markers are told apart from data', () => {
  const { packets, rest } = parsePackets(Buffer.from('0006a\n000000010002'));
  assert.deepEqual(
    packets.map((packet) => packet.kind),
    ['data', 'flush', 'delimiter', 'end'],
  );
  assert.equal(packetText(packets[0] ?? { kind: 'flush' }), 'a');
  assert.equal(rest.length, 0);
});

test('whatever is written is read back, however the bytes are cut', () => {
  const lists = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 });
  fc.assert(
    fc.property(lists, fc.nat(), (list, cut) => {
      const bytes = Buffer.concat([...list.map((data) => serializePacket(Buffer.from(data))), flushPacket]);
      const at = cut % (bytes.length + 1);
      const first = parsePackets(bytes.subarray(0, at));
      const second = parsePackets(Buffer.concat([first.rest, bytes.subarray(at)]));
      const read = [...first.packets, ...second.packets];
      assert.equal(read.pop()?.kind, 'flush');
      assert.deepEqual(
        read.map((packet) => (packet.kind === 'data' ? [...packet.data] : packet.kind)),
        list.map((data) => [...data]),
      );
    }),
    { seed: 1 },
  );
});

test('what is no length is an error, not a wait for more', () => {
  for (const bytes of ['zzzz', '0003', '-001', '00 5', '+004']) {
    assert.throws(() => parsePackets(Buffer.from(bytes)), { code: 'git_request_invalid' }, bytes);
  }
});

test('a packet never carries more than git reads', () => {
  assert.equal(serializePacket(Buffer.alloc(maxPacketData)).length, 65_520);
  assert.throws(() => serializePacket(Buffer.alloc(maxPacketData + 1)), RangeError);
  assert.equal(serializeBand(3, 'x'.repeat(100_000)).length, 65_520);
});
