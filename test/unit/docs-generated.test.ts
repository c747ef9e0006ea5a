import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generated } from '../../docs/generate.ts';
import { readConfig } from '../../src/config.ts';

for (const [file, make] of Object.entries(generated)) {
  test(`docs/${file} is what the code makes (npm run docs)`, () => {
    const checkedIn = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    assert.equal(checkedIn, make());
  });
}

test('the deploy.config.json of the checkout is valid', () => {
  const config = readConfig(fileURLToPath(new URL('../../deploy.config.json', import.meta.url)), {});
  assert.deepEqual(Object.keys(config.servers), ['local']);
});
