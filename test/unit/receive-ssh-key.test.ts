import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/failure.ts';
import { makeKeyPair } from '../../src/fleet/ssh.ts';
import { parsePublicKey, readKeyBlob } from '../../src/receive/ssh/key.ts';
import { algorithmOf, verifySignature } from '../../src/receive/ssh/signature.ts';

function makeKey(t: TestContext, ...how: string[]): { readonly line: string; readonly secret: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ssh-key-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'ada@laptop', '-f', join(folder, 'key'), ...how]);
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return { line: read('key.pub'), secret: read('key') };
}

function codeOf(text: string): string {
  try {
    return parsePublicKey(text).type;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

test('keys of every kind that ssh-keygen makes are read, and no weak one', (t) => {
  const kinds: [string, ...string[]][] = [
    ['ssh-ed25519', '-t', 'ed25519'],
    ['ecdsa-sha2-nistp256', '-t', 'ecdsa', '-b', '256'],
    ['ecdsa-sha2-nistp384', '-t', 'ecdsa', '-b', '384'],
    ['ecdsa-sha2-nistp521', '-t', 'ecdsa', '-b', '521'],
    ['ssh-rsa', '-t', 'rsa', '-b', '2048'],
    ['key_too_weak', '-t', 'rsa', '-b', '1024'],
  ];
  for (const [type, ...how] of kinds) assert.equal(codeOf(makeKey(t, ...how).line), type);
});

test('a line that is no plain public key is refused, and says why', (t) => {
  const { line, secret } = makeKey(t, '-t', 'ed25519');
  const [type = '', body = ''] = line.split(' ');
  const refused: Record<string, string> = {
    [secret]: 'key_is_private',
    [line + line]: 'one_key_at_a_time',
    [`command="id" ${line}`]: 'key_options_refused',
    [`no-pty,from="10.0.0.0/8" ${line}`]: 'key_options_refused',
    [`${type} ${body.slice(0, -3)}`]: 'key_malformed',
    [`${type} ${body.slice(0, 20)}!${body.slice(20)}`]: 'key_malformed',
    [`ecdsa-sha2-nistp256 ${body}`]: 'key_malformed',
    [`ssh-dss ${body}`]: 'key_type_not_allowed',
    [`ecdsa-sha2-nistp224 ${body}`]: 'key_type_not_allowed',
    [`ssh-ed25519-cert-v01@openssh.com ${body}`]: 'key_type_not_allowed',
    [type]: 'key_malformed',
    '': 'key_malformed',
    [body]: 'key_malformed',
    ['x'.repeat(20_000)]: 'key_malformed',
  };
  for (const [text, code] of Object.entries(refused)) assert.equal(codeOf(text), code, text.slice(0, 60));
  assert.throws(() => parsePublicKey(`${type} AAAA!`), /column 17/);
});

test('line ends and comments of any length are taken', (t) => {
  const { line } = makeKey(t, '-t', 'ed25519');
  assert.equal(parsePublicKey(line).comment, 'ada@laptop');
  assert.equal(parsePublicKey(line.replace('\n', '\r\n\r\n')).type, 'ssh-ed25519');
  assert.equal(parsePublicKey(line.replace('ada@laptop', 'x'.repeat(10_000))).comment.length, 100);
});

test('bytes that are no key are seen as none, whatever they are', (t) => {
  const { blob } = parsePublicKey(makeKey(t, '-t', 'ecdsa').line);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => readKeyBlob(Buffer.from(bytes)) === null),
  );
  for (let end = 0; end < blob.length; end += 1) assert.equal(readKeyBlob(blob.subarray(0, end)), null);
  const bent = Buffer.from(blob);
  bent[60] = (bent[60] ?? 0) ^ 1;
  const key = readKeyBlob(bent);
  const signed = { algorithm: 'ecdsa-sha2-nistp256', hash: undefined, data: bent, signature: bent };
  assert.equal(key !== null && verifySignature(key, signed), false);
});

/** Length and bytes, as the wire has strings. */
const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);

test('a key on a token has to be touched, and signs for its own application', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const algorithm = 'sk-ssh-ed25519@openssh.com';
  const key = readKeyBlob(
    Buffer.concat([string(Buffer.from(algorithm)), string(point), string(Buffer.from('ssh:'))]),
  );
  assert.ok(key !== null);
  const data = Buffer.from('session and request');
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
  const makeSignature = (flags: number, application = 'ssh:') => {
    const tail = Buffer.from([flags, 0, 0, 0, 7]);
    const signed = Buffer.concat([hash(Buffer.from(application)), tail, hash(data)]);
    return Buffer.concat([sign(null, signed, privateKey), tail]);
  };
  const verify = (signature: Buffer) => verifySignature(key, { algorithm, hash: undefined, data, signature });
  assert.equal(verify(makeSignature(1)), true);
  assert.equal(verify(makeSignature(0)), false);
  assert.equal(verify(makeSignature(1, 'ssh:other')), false);
  assert.equal(verify(makeSignature(1).subarray(0, 64)), false);
});

test('RSA proves something with SHA-2 only', (t) => {
  const { line } = makeKey(t, '-t', 'rsa', '-b', '2048');
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = pair.publicKey.export({ format: 'jwk' });
  const parts = [
    'ssh-rsa',
    Buffer.from(e, 'base64url'),
    Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]),
  ];
  const blob = Buffer.concat(
    parts.map((part) => {
      const bytes = Buffer.from(part as string);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
  const key = readKeyBlob(blob);
  assert.ok(key !== null);
  const data = Buffer.from('session and request');
  const verify = (hash: string | undefined, made: string) => {
    const signature = sign(made, data, pair.privateKey);
    return verifySignature(key, { algorithm: 'ssh-rsa', hash, data, signature });
  };
  assert.equal(verify('sha512', 'sha512'), true);
  assert.equal(verify('sha256', 'sha256'), true);
  assert.equal(verify('sha256', 'sha1'), false);
  assert.equal(verify(undefined, 'sha1'), false);
  assert.equal(verify('sha1', 'sha1'), false);
  const other = parsePublicKey(line);
  const signature = sign('sha256', data, pair.privateKey);
  assert.equal(verifySignature(other, { algorithm: 'ssh-rsa', hash: 'sha256', data, signature }), false);
});

test('a key that may come in is named by the algorithm that was asked for', () => {
  assert.equal(algorithmOf('ssh-rsa', 'sha512'), 'rsa-sha2-512');
  assert.equal(algorithmOf('ssh-rsa', 'sha256'), 'rsa-sha2-256');
  assert.equal(algorithmOf('ssh-rsa', undefined), 'ssh-rsa');
  assert.equal(algorithmOf('ssh-ed25519', undefined), 'ssh-ed25519');
});

test('every key pair of ours is one that clients and servers take', () => {
  // One of 256 begins with a zero.
  const pairs = Array.from({ length: 2_000 }, () => makeKeyPair('ours'));
  for (const pair of pairs) assert.equal(parsePublicKey(pair.public).type, 'ssh-ed25519', pair.public);
});
