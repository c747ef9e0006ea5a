import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { shortenLog } from '../../src/supervise/log-cap.ts';

const keepBytes = 2 ** 20;
const writer = `
  const { writeSync } = require('node:fs');
  const filler = 'x'.repeat(90);
  for (let n = 0; n < 120000; n += 1) writeSync(1, String(n).padStart(8, '0') + filler + '\\n');
`;

test('a log is shortened under its writer and loses no line but the oldest', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'part.log');
  const output = openSync(file, 'a');
  const child = spawn(process.execPath, ['-e', writer], { stdio: ['ignore', output, 'inherit'] });
  closeSync(output);
  const exit = once(child, 'exit');
  let ended = false;
  void exit.then(() => {
    ended = true;
  });
  while (!ended) {
    await shortenLog(file, keepBytes);
    await new Promise(setImmediate);
  }
  await shortenLog(file, keepBytes);
  assert.ok(statSync(file).blocks * 512 < 2 * keepBytes + 2 ** 20);
  // The first line may be cut, or have blocks before it that were given back.
  const lines = readFileSync(file, 'utf8').replaceAll('\0', '').split('\n').slice(1, -1);
  const numbers = lines.map((line) => Number(line.slice(0, 8)));
  assert.ok(numbers.length > 5_000, `${numbers.length} lines`);
  assert.equal(numbers.at(-1), 119_999);
  const gaps = numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
  assert.deepEqual(gaps, []);
});
