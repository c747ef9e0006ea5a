import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from '../../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'hawser-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const fixtures = join(import.meta.dirname, '..', 'fixtures', 'tls');
for (const name of ['one.crt', 'one.key', 'two.crt', 'two.key']) {
  copyFileSync(join(fixtures, name), join(folder, name));
  chmodSync(join(folder, name), 0o600);
}
const file = join(folder, 'deploy.config.json');

function read(content: unknown) {
  writeFileSync(file, JSON.stringify(content));
  return readConfig(file, {});
}

function mistakeOf(cert: string, key: string): string {
  let message = 'accepted';
  try {
    read({ listen: { tls: { cert, key } } });
  } catch (error) {
    ({ message } = error as Error);
  }
  return message.split('\n').slice(1).join('\n').replaceAll(`${folder}/`, '');
}

test('a certificate and its key make the URL https, and their paths are relative to the file', () => {
  const { url, listen } = read({ listen: { tls: { cert: 'one.crt', key: './one.key' } } });
  assert.equal(url, 'https://127.0.0.1:7070');
  assert.deepEqual(listen.tls, { cert: join(folder, 'one.crt'), key: join(folder, 'one.key') });
  assert.throws(
    () => read({ url: 'http://x.example', listen: { tls: { cert: 'one.crt', key: 'one.key' } } }),
    /url: must begin with "https:\/\/"/,
  );
});

test('a pair that cannot serve is refused before anything starts, and no key is shown', () => {
  writeFileSync(join(folder, 'open.key'), 'x', { mode: 0o644 });
  const rows: Readonly<Record<string, string>> = {
    'empty.key': '',
    'noise.key': 'not a key',
    'locked.key': '-----BEGIN ENCRYPTED PRIVATE KEY-----\nTUlJ\n-----END ENCRYPTED PRIVATE KEY-----\n',
    'huge.key': 'x'.repeat(8 * 2 ** 20),
    'noise.crt': '-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n',
  };
  for (const [name, text] of Object.entries(rows)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const path = '  listen.tls.';
  const key = 'must be a private key in PEM without a passphrase';
  assert.equal(
    mistakeOf('one.crt', 'two.key'),
    `${path}key: two.key is not the key of the certificate in one.crt [line 1]`,
  );
  assert.equal(mistakeOf('one.crt', 'empty.key'), `${path}key: empty.key ${key}: it is none [line 1]`);
  assert.equal(mistakeOf('one.crt', 'noise.key'), `${path}key: noise.key ${key}: it is none [line 1]`);
  assert.equal(mistakeOf('one.crt', 'one.crt'), `${path}key: one.crt ${key}: it is none [line 1]`);
  assert.equal(
    mistakeOf('one.crt', 'locked.key'),
    `${path}key: locked.key ${key}: it has a passphrase [line 1]`,
  );
  assert.match(mistakeOf('one.crt', 'huge.key'), /huge\.key .* 8388608 bytes/);
  assert.match(mistakeOf('noise.crt', 'one.key'), /tls\.cert: noise\.crt must be a certificate in PEM/);
  assert.match(mistakeOf('gone.crt', 'one.key'), /tls\.cert: gone\.crt .* no such file/);
  assert.equal(
    mistakeOf('one.crt', 'gone.key'),
    `${path}key: cannot read gone.key: there is no such file (name the private key of the certificate) [line 1]`,
  );
  assert.match(mistakeOf('one.crt', 'open.key'), /open\.key can be read by others .*chmod 600/);
});
