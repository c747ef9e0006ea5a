import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** 32 bytes, and the number or name by which envelopes ask for them. */
export type SealKey = { readonly id: string; readonly bytes: Buffer };

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const shape = /^v1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/**
 * AES-256-GCM with a random nonce of 96 bits, as `v1.<key>.<nonce>.<cipher and tag>` in base64url. The binding is
 * authenticated and not kept: who opens it must know it.
 */
export function sealText(text: string, key: SealKey, binding: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key.bytes, nonce).setAAD(Buffer.from(binding));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return ['v1', key.id, nonce.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** Undefined when it was changed, belongs elsewhere or is sealed under another key. */
export function openText(envelope: string, key: SealKey, binding: string): string | undefined {
  const [, id, nonce = '', body = ''] = shape.exec(envelope) ?? [];
  if (id !== key.id) return undefined;
  const sealed = Buffer.from(body, 'base64url');
  const end = sealed.length - tagBytes;
  try {
    const decipher = createDecipheriv(algorithm, key.bytes, Buffer.from(nonce, 'base64url'), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(binding)).setAuthTag(sealed.subarray(end));
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]).toString('utf8');
  } catch {
    // The one thing that it can say is that the tag does not fit.
    return undefined;
  }
}

/** The key that an envelope was sealed under; undefined for what is no envelope. */
export function keyOf(envelope: string): string | undefined {
  return shape.exec(envelope)?.[1];
}

/** Parts that cannot be told apart from others: lengths are part of it. */
export function formatBinding(parts: readonly (string | number)[]): string {
  return ['v1', ...parts.map((part) => `${Buffer.byteLength(String(part))}:${part}`)].join('|');
}
