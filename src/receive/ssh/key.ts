import { Failure } from '../../failure.ts';
import { quoteValue } from '../printable.ts';

export const keyTypes = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
] as const;
export type KeyType = (typeof keyTypes)[number];

/** `fields` is what follows the type in the blob, in the order of the wire format of RFC 4253, 5656 and 8709. */
export type PublicKey = {
  readonly type: KeyType;
  readonly blob: Buffer;
  readonly fields: readonly Buffer[];
  readonly comment: string;
};

const longestLine = 16 * 1024;
const longestComment = 100;
const leastBits = 2048;
const mostBits = 16_384;

/**
 * Reads one line of a `.pub` file of ssh-keygen. Throws `key_is_private`, `key_options_refused`, `one_key_at_a_time`,
 * `key_type_not_allowed`, `key_too_weak` and `key_malformed`, with the column where it can be told.
 */
export function parsePublicKey(text: string): PublicKey {
  if (/-----BEGIN |^PuTTY-User-Key-File|openssh-key-v1/m.test(text)) {
    throw new Failure('key_is_private', 'This is a private key; it must never leave the machine it is on.');
  }
  const [line = '', ...more] = text.split(/\r\n|\r|\n/).filter((each) => each.trim() !== '');
  if (more.length > 0)
    throw new Failure('one_key_at_a_time', `These are ${more.length + 1} lines; a key is one.`);
  if (line.length > longestLine) throw malformed(`the line is longer than ${longestLine} characters`);
  const [type = '', body = '', ...comment] = line.trim().split(/[ \t]+/);
  checkType(type, line);
  const { fields, ...key } = readBody(type, body, line);
  if (key.type === 'ssh-rsa') checkStrength(fields);
  return { ...key, fields, comment: comment.join(' ').slice(0, longestComment) };
}

/** The key that a blob of the wire format holds; null for anything else. */
export function readKeyBlob(blob: Buffer): Omit<PublicKey, 'comment'> | null {
  const parts = readStrings(blob);
  const type = keyTypes.find((each) => each === parts?.[0]?.toString('latin1'));
  const fields = parts?.slice(1) ?? [];
  return type !== undefined && hasShape(type, fields) ? { type, blob, fields } : null;
}

function checkType(type: string, line: string): void {
  if (keyTypes.some((each) => each === type)) return;
  if (/(?:ssh-|ecdsa-|sk-)\S+ AAAA/.test(line) && !/^(?:ssh-|ecdsa-|sk-)/.test(type)) {
    throw new Failure(
      'key_options_refused',
      `${quoteValue(type)} stands before the key: it takes no options.`,
    );
  }
  if (!/^(?:ssh-|ecdsa-|sk-)/.test(type))
    throw malformed('it does not begin with the type of a key, at column 1');
  const what = type.includes('-cert-') ? 'a certificate, not a key' : 'not a type that is taken here';
  throw new Failure('key_type_not_allowed', `${quoteValue(type)} is ${what}.`);
}

function readBody(type: string, body: string, line: string): Omit<PublicKey, 'comment'> {
  const column = line.indexOf(body, type.length) + 1;
  const wrong = /[^A-Za-z0-9+/=]/.exec(body);
  if (body === '') throw malformed('nothing follows the type');
  if (wrong !== null) throw malformed(`not base64 at column ${column + wrong.index}`);
  const blob = Buffer.from(body, 'base64');
  if (blob.toString('base64') !== body) throw malformed(`cut or mistyped, at column ${column + body.length}`);
  const key = readKeyBlob(blob);
  if (key === null || key.type !== type)
    throw malformed(`what it holds is no ${type} key, at column ${column}`);
  return key;
}

/** Strings of the wire format, each behind its length; null when they do not fill the bytes exactly. */
function readStrings(bytes: Buffer): Buffer[] | null {
  const strings: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 4) return null;
    const length = bytes.readUInt32BE(at);
    if (length > bytes.length - at - 4) return null;
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

const curves: Readonly<Record<string, readonly [name: string, pointBytes: number]>> = {
  'ecdsa-sha2-nistp256': ['nistp256', 65],
  'ecdsa-sha2-nistp384': ['nistp384', 97],
  'ecdsa-sha2-nistp521': ['nistp521', 133],
};

function hasShape(type: KeyType, fields: readonly Buffer[]): boolean {
  const [first, second] = fields;
  const curve = curves[type];
  if (curve !== undefined) {
    const isPoint = second?.length === curve[1] && second[0] === 4;
    return fields.length === 2 && first?.toString('latin1') === curve[0] && isPoint;
  }
  if (type === 'ssh-ed25519') return fields.length === 1 && first?.length === 32;
  if (type === 'ssh-rsa')
    return fields.length === 2 && isNumber(first, 8) && isNumber(second, mostBits / 8 + 1);
  return (
    fields.length === 2 && first?.length === 32 && second?.toString('latin1').startsWith('ssh:') === true
  );
}

/** Positive, and short enough that its mathematics takes no time: strangers' keys are read, too. */
function isNumber(bytes: Buffer | undefined, longest: number): boolean {
  return bytes !== undefined && bytes.length > 0 && bytes.length <= longest && (bytes[0] ?? 0) < 0x80;
}

function checkStrength([, modulus = Buffer.alloc(0)]: readonly Buffer[]): void {
  const start = modulus.findIndex((byte) => byte !== 0);
  const first = start < 0 ? 0 : (modulus[start] ?? 0);
  const bits = start < 0 ? 0 : (modulus.length - start) * 8 - Math.clz32(first) + 24;
  if (bits < leastBits)
    throw new Failure('key_too_weak', `This RSA key has ${bits} bits; ${leastBits} are the least.`);
}

function malformed(why: string): Failure {
  return new Failure('key_malformed', `This is not a public key as ssh-keygen writes it: ${why}.`);
}
