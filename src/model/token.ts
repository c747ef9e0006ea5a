import { createHash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const shape = /^hw_([0-9A-Za-z]{43})_([0-9a-f]{8})$/;

/** A new token of 256 random bits with a checksum, so that a typo is seen without asking the ledger. */
export function makeToken(): string {
  const secret = Array.from({ length: 43 }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `hw_${secret}_${checksum(secret)}`;
}

/** True when the text has a token's form and its checksum holds. */
export function isToken(text: string): boolean {
  const parts = shape.exec(text);
  return parts !== null && parts[2] === checksum(parts[1] ?? '');
}

/** What the ledger keeps of a token. High entropy needs no slow hash. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checksum(secret: string): string {
  return crc32(secret).toString(16).padStart(8, '0');
}
