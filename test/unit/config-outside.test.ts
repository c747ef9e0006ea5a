import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertOneMistake, makeFolder, read, refusal } from '../support/config-file.ts';

test('values come from the environment or from files, and a missing one is told once', (t) => {
  const registry = { url: 'https://r.example', username: 'u', password: { env: 'PW' } };
  assert.deepEqual(read(t, { registry }, { PW: 's3cret' }).registry, {
    url: 'https://r.example',
    namespace: 'hawser',
    username: 'u',
    password: 's3cret',
  });
  assertOneMistake(t, { registry }, /registry\.password: the environment variable "PW" is not set/);
  assertOneMistake(
    t,
    { redis: { file: 'none' } },
    /redis: cannot read the file .*none: there is no such file/,
  );
  const folder = makeFolder(t);
  writeFileSync(join(folder, 'url'), 'redis://127.0.0.1:6379\n', { mode: 0o644 });
  assertOneMistake(t, { redis: { file: join(folder, 'url') } }, /can be read by others .*: chmod 600 /);
  chmodSync(join(folder, 'url'), 0o600);
  assert.deepEqual(read(t, { redis: { file: join(folder, 'url') } }).redis, {
    url: 'redis://127.0.0.1:6379',
  });
});

test('the master key has one place', (t) => {
  const secrets = { key: { env: 'KEY' }, keyFile: '/etc/hawser/master.key' };
  const env = { KEY: Buffer.alloc(32).toString('base64') };
  assert.match(refusal(t, { secrets }, env).message, /secrets: key and keyFile are two places of one key/);
  const { key, keyFile } = secrets;
  assert.partialDeepStrictEqual(read(t, { secrets: { key } }, env).secrets, { kind: 'text', text: env.KEY });
  assert.partialDeepStrictEqual(read(t, { secrets: { keyFile } }).secrets, { kind: 'file', path: keyFile });
});

test('a value from outside never shows in a mistake', (t) => {
  const env = { PW: 'sup3rsecret' };
  for (const content of [
    { redis: { env: 'PW' } },
    { url: { env: 'PW' } },
    { registry: { url: 'http://r.example', username: 'u', password: { env: 'PW' } } },
  ])
    assert.ok(!refusal(t, content, env).message.includes('sup3rsecret'));
});

test('a private key that others can read, or that is missing, is refused; the default one may come later', (t) => {
  const key = join(makeFolder(t), 'key');
  const content = { servers: { a: { ssh: 'u@h', identity: key } } };
  assertOneMistake(t, content, /servers\.a\.identity: cannot read .*key: there is no such file/);
  writeFileSync(key, 'x');
  chmodSync(key, 0o640);
  assertOneMistake(t, content, /identity: .*can be read by others \(mode 0640\) \(chmod 600 /);
  chmodSync(key, 0o600);
  assert.partialDeepStrictEqual(read(t, content).servers.a, { identity: key });
  const config = read(t, { servers: { a: { ssh: 'u@h' } } });
  assert.partialDeepStrictEqual(config.servers.a, { identity: join(config.data, 'keys', 'id_ed25519') });
});
