import { createHash, createPublicKey, type JsonWebKeyInput, verify } from 'node:crypto';
import type { PublicKey } from './key.ts';

/** What a client signed and how; `hash` is only told for RSA. */
export type Signed = {
  readonly algorithm: string;
  readonly hash: string | undefined;
  readonly data: Buffer;
  readonly signature: Buffer;
};

type WebKey = JsonWebKeyInput['key'];

const userPresent = 1;

/** Whether the holder of the key made the signature. SHA-1 is none, whatever it says. */
export function verifySignature({ type, fields }: Omit<PublicKey, 'comment'>, signed: Signed): boolean {
  if (signed.algorithm !== type) return false;
  const { data, signature } = signed;
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = fields;
  try {
    if (type === 'ssh-ed25519') return verify(null, data, toKey(ed25519(first)), signature);
    if (type === 'sk-ssh-ed25519@openssh.com') return verifyTouched(first, second, data, signature);
    if (type !== 'ssh-rsa') return verify(curveHashes[type], data, toKey(elliptic(type, second)), signature);
    const known = signed.hash === 'sha256' || signed.hash === 'sha512';
    return known && verify(signed.hash, data, toKey(rsa(first, second)), signature);
  } catch {
    // Numbers that are no key of their kind, or a signature that cannot be read: it proves nothing.
    return false;
  }
}

const curveHashes = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
} as const;

/** A key on a token signs hash(application), flags, counter and hash(data), and says that it was touched (U2F). */
function verifyTouched(key: Buffer, application: Buffer, data: Buffer, signature: Buffer): boolean {
  const flags = signature[64] ?? 0;
  if (signature.length !== 64 + 1 + 4 || (flags & userPresent) === 0) return false;
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
  const signed = Buffer.concat([sha256(application), signature.subarray(64), sha256(data)]);
  return verify(null, signed, toKey(ed25519(key)), signature.subarray(0, 64));
}

const toKey = (key: WebKey) => createPublicKey({ key, format: 'jwk' });

function ed25519(point: Buffer): WebKey {
  return { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') };
}

function elliptic(type: keyof typeof curveHashes, point: Buffer): WebKey {
  const half = (point.length - 1) / 2;
  const crv = { 256: 'P-256', 384: 'P-384', 521: 'P-521' }[type.slice(-3)] ?? '';
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  return { kty: 'EC', crv, x: x.toString('base64url'), y: y.toString('base64url') };
}

function rsa(exponent: Buffer, modulus: Buffer): WebKey {
  return { kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') };
}

/**
 * The algorithm that a client asked about, which the answer has to name (RFC 4252, 7; RFC 8332, 3). ssh2 tells the kind
 * of the key and the hash; of the kind alone a newer OpenSSH thinks that SHA-1 is wanted, and leaves.
 */
export function algorithmOf(kind: string, hash: string | undefined): string {
  return kind === 'ssh-rsa' && hash !== undefined ? `rsa-sha2-${hash.replace('sha', '')}` : kind;
}
