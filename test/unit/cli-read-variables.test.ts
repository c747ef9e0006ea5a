import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readVariables } from '../../src/cli/read-variables.ts';

test('values come from the command line, from stdin or from files, byte for byte', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-variables-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'value');
  const said: string[] = [];
  const terminal = { readInput: async () => 'from stdin\n', say: (line: string) => void said.push(line) };
  await writeFile(file, 'a=b\nc ü $HOME');
  assert.deepEqual(await readVariables(['A=1=2', 'B=-', `C=@${file}`, 'D='], terminal), {
    A: '1=2',
    B: 'from stdin\n',
    C: 'a=b\nc ü $HOME',
    D: '',
  });
  assert.match(said.join(), /B ends with a line break/);
  await assert.rejects(readVariables(['A=-', 'B=-'], terminal), { code: 'wrong_usage' });
  await assert.rejects(readVariables([`A=@${folder}/none`], terminal), { code: 'wrong_usage' });
  await writeFile(file, '');
  const empty = { code: 'empty_value', message: /A: nothing was read/ };
  await assert.rejects(readVariables([`A=@${file}`], terminal), empty);
  assert.deepEqual(await readVariables([`A=@${file}`, 'B='], terminal, { allowEmpty: true }), {
    A: '',
    B: '',
  });
  const refused = await readVariables(['S3CR3T-alone'], terminal).catch(String);
  assert.ok(!JSON.stringify(refused).includes('S3CR3T'));
});
