import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { generated } from '../../docs/generate.ts';
import { configSchema } from '../../src/config/schema.ts';
import { readConfig } from '../../src/config.ts';

for (const [file, make] of Object.entries(generated)) {
  test(`docs/${file} is what the code makes (npm run docs)`, async () => {
    const checkedIn = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    assert.equal(checkedIn, await make());
  });
}

test('the deploy.config.json of the checkout is valid', () => {
  const config = readConfig(fileURLToPath(new URL('../../deploy.config.json', import.meta.url)), {});
  assert.deepEqual(Object.keys(config.servers), ['local']);
});

test('docs/configuration.md names every key of the file', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const missing = [...listKeys(z.toJSONSchema(configSchema, { io: 'input' }))].filter(
    (key) => !new RegExp(`[\`."]${key.replace('$', '\\$')}[\`."]`).test(page),
  );
  assert.deepEqual(missing, []);
});

function listKeys(node: unknown, keys = new Set<string>()): Set<string> {
  if (typeof node !== 'object' || node === null) return keys;
  for (const [name, inner] of Object.entries(node)) {
    if (name === 'properties') for (const key of Object.keys(inner)) keys.add(key);
    listKeys(inner, keys);
  }
  return keys;
}
