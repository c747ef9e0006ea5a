import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Config } from '../config.ts';

export type CertificateFiles = NonNullable<Config['listen']['tls']>;

const lookMs = 5_000;

/** The pair as TLS takes it. Throws when one of them cannot be read or they do not belong together. */
export function readCertificate({ cert, key }: CertificateFiles): SecureContextOptions {
  const pair = { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' } as const;
  createSecureContext(pair);
  return pair;
}

export type CertificateWatch = {
  readonly files: CertificateFiles;
  use(pair: SecureContextOptions): void;
  /** The old pair goes on. */
  failed(error: unknown): void;
  readonly lookMs?: number;
};

/** Looks every few seconds, as links to a renewed certificate are not told by a watch of the folder. */
export function watchCertificate({ files, use, failed, ...times }: CertificateWatch): Disposable {
  let seen = describeFiles(files);
  const timer = setInterval(() => {
    const now = describeFiles(files);
    if (now === seen) return;
    seen = now;
    try {
      use(readCertificate(files));
    } catch (error) {
      failed(error);
    }
  }, times.lookMs ?? lookMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function describeFiles({ cert, key }: CertificateFiles): string {
  return [cert, key]
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? 'gone' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`))
    .join(', ');
}
