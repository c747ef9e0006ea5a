import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Path } from './json.ts';
import type { Mistake } from './mistakes.ts';
import { explain, findIdentityMistake } from './outside.ts';

const maxBytes = 256 * 1024;

/** What is wrong with the two files of `listen.tls`: unreadable, no certificate, another's key. Keys are never shown. */
export function listCertificateMistakes(files: { readonly cert: string; readonly key: string }): Mistake[] {
  const mistake = findIdentityMistake(files.key, 'name the private key of the certificate');
  if (mistake !== undefined) return [{ path: at('key'), ...mistake }];
  const cert = read('cert', files.cert, (text) => new X509Certificate(text));
  const key = read('key', files.key, readKey);
  const broken = [cert, key].filter((part) => 'message' in part);
  if ('message' in cert || 'message' in key) return broken as Mistake[];
  if (cert.value.checkPrivateKey(key.value)) return [];
  return [{ path: at('key'), message: `${files.key} is not the key of the certificate in ${files.cert}` }];
}

/** What is wrong with a file of certificates that are trusted. */
export function listTrustMistakes(file: string, path: Path): Mistake[] {
  const found = read('cert', file, (text) => new X509Certificate(text));
  return 'message' in found ? [{ ...found, path }] : [];
}

/** The day after which the first certificate of a file is worth nothing. Throws what reading it throws. */
export function readExpiry(file: string): Date {
  return new Date(new X509Certificate(readFileSync(file)).validTo);
}

function read<T>(name: 'cert' | 'key', file: string, parse: (text: Buffer) => T): { value: T } | Mistake {
  try {
    const { size } = statSync(file);
    if (size > maxBytes) throw new Error(`it has ${size} bytes, and a chain has ${maxBytes} at most`);
    return { value: parse(readFileSync(file)) };
  } catch (error) {
    const what = name === 'cert' ? 'a certificate in PEM' : 'a private key in PEM without a passphrase';
    const { code = '' } = error as NodeJS.ErrnoException;
    const why = code.startsWith('ERR_') ? 'it is none' : explain(error);
    return { path: at(name), message: `${file} must be ${what}: ${why}` };
  }
}

function readKey(text: Buffer): KeyObject {
  // With no passphrase given OpenSSL would ask for one on the terminal.
  if (text.includes('ENCRYPTED')) throw new Error('it has a passphrase');
  return createPrivateKey(text);
}

function at(name: string): string[] {
  return ['listen', 'tls', name];
}
