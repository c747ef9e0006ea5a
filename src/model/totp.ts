import { createHmac, timingSafeEqual } from 'node:crypto';

const stepSeconds = 30;
const digits = 6;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
// A clock may be off by one step, either way.
const drift = [0, -1, 1];

/** The code of a step of 30 seconds (RFC 6238, with HOTP of RFC 4226 and SHA-1, as every app on a phone has it). */
export function computeTotp(secret: Buffer, step: number, length = digits): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0x0f;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** length).padStart(length, '0');
}

/** The step that a code is of, no older than one that was used; null when it is of none. `nowMs` since 1970. */
export function findTotpStep(secret: string, code: string, nowMs: number, lastStep: number): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null;
  const key = parseBase32(secret);
  const given = Buffer.from(code);
  const now = Math.floor(nowMs / 1000 / stepSeconds);
  const steps = drift.map((by) => now + by);
  const found = steps.find((step) => timingSafeEqual(given, Buffer.from(computeTotp(key, step))));
  return found !== undefined && found > lastStep ? found : null;
}

/** What an app on a phone reads to know the secret. */
export function formatTotpUri(issuer: string, account: string, secret: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?secret=${secret}&issuer=${encodeURIComponent(issuer)}`;
}

export function serializeBase32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => alphabet[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
}

export function parseBase32(text: string): Buffer {
  const bits = [...text].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
