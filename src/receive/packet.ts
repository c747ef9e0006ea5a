import { Failure } from '../failure.ts';

/** One unit of git's pkt-line framing (gitprotocol-common): data, or a marker without data. */
export type Packet =
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'flush' | 'delimiter' | 'end' };

/** Most bytes of data that one packet carries. */
export const maxPacketData = 65_516;

export const flushPacket: Buffer = Buffer.from('0000');

/** Four hexadecimal digits of length (counting themselves), then the data. Throws on more than a packet carries. */
export function serializePacket(data: string | Buffer): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (bytes.length > maxPacketData)
    throw new RangeError(`a packet carries ${maxPacketData} bytes, not ${bytes.length}`);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
}

/** A packet of the side band: 2 is shown to the person, 3 is shown and ends the exchange as failed. */
export function serializeBand(band: 1 | 2 | 3, text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, maxPacketData - 1);
  return serializePacket(Buffer.concat([Buffer.from([band]), bytes]));
}

/** All whole packets at the front of what has arrived, and the bytes that are left. Throws `git_request_invalid`. */
export function parsePackets(bytes: Buffer): { packets: Packet[]; rest: Buffer } {
  const packets: Packet[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const length = parseLength(bytes.toString('latin1', at, at + 4));
    if (length >= 4 && bytes.length - at < length) break;
    packets.push(toPacket(length, bytes.subarray(at + 4, at + length)));
    at += Math.max(length, 4);
  }
  return { packets, rest: bytes.subarray(at) };
}

function toPacket(length: number, data: Buffer): Packet {
  if (length === 0) return { kind: 'flush' };
  if (length === 1) return { kind: 'delimiter' };
  if (length === 2) return { kind: 'end' };
  return { kind: 'data', data };
}

function parseLength(digits: string): number {
  const length = /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : 3;
  if (length === 3)
    throw new Failure('git_request_invalid', `not the length of a packet: ${JSON.stringify(digits)}`);
  return length;
}

/** The text of a data packet without the newline that ends it. */
export function packetText(packet: Packet): string {
  return packet.kind === 'data' ? packet.data.toString('utf8').replace(/\n$/, '') : '';
}
