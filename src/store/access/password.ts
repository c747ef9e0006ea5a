import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);
// Of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const cost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const form = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** What is compared with when there is nobody, so that it takes as long. */
const nobodys = `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** The hash as text that names its own cost (PHC string format). */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const { memory, passes, parallelism } = cost;
  const tag = await derive('argon2id', { ...cost, message: toBytes(password), nonce });
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${toText(nonce)}$${toText(tag)}`;
}

/** Whether a password is the one; it takes the same time without a hash, and then never is. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const parts = form.exec(hash ?? nobodys);
  if (parts === null) throw new Error('a hash of a password is not in the form that it was written in');
  const [, memory, passes, parallelism, nonce = '', tag = ''] = parts;
  const known = Buffer.from(tag, 'base64');
  const found = await derive('argon2id', {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: known.length,
    message: toBytes(password),
    nonce: Buffer.from(nonce, 'base64'),
  });
  return timingSafeEqual(found, known) && hash !== null;
}

/** One letter may be written in more than one way, depending on the keyboard. */
function toBytes(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'));
}

function toText(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
