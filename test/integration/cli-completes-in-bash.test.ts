import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openApiWorld } from '../support/api-world.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** Sources what `hawser completion bash` prints and asks the function as bash does at a tab. */
const ask = `
eval "$(hawser completion bash)"
for COMP_LINE in "$@"; do
  COMP_POINT=\${#COMP_LINE}
  COMPREPLY=()
  _hawser
  echo "\${COMPREPLY[*]}"
done
`;

test('bash completes commands, options, and the names that the server knows', async (t) => {
  const world = await openApiWorld(t);
  const folder = mkdtempSync(join(tmpdir(), 'hawser-tab-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const command = join(folder, 'hawser');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(command, 0o755);
  const lines = [
    'hawser deploys:a',
    'hawser deploys --li',
    'hawser logs -a ',
    'hawser logs -a shop -e p',
    'hawser completion ',
    'hawser help maint',
  ];
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    HAWSER_URL: world.url,
    HAWSER_TOKEN: await world.makeToken(null, 'read'),
  };
  const { stdout } = await run('bash', ['-c', ask, 'bash', ...lines], { env, cwd: folder });
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'abort attach',
    '--limit',
    'shop',
    'production',
    'bash fish zsh',
    'maintenance:off maintenance:on',
  ]);
});
