import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiCases } from '../bad-inputs/api-cases.ts';
import { cliCases } from '../bad-inputs/cli-cases.ts';
import { configCases, manifestCases } from '../bad-inputs/file-cases.ts';
import { gitCases } from '../bad-inputs/git-cases.ts';
import { badInputs, notThere } from '../bad-inputs/rows.ts';

const count = 118;
const tests = join(import.meta.dirname, '..');

test('every bad input is shown by a test that exists, or said to have nothing that takes it', () => {
  const rows = [...badInputs.map(({ row }) => row), ...Object.keys(notThere)];
  const numbers = rows.map((row) => Number(row.split('-')[1])).sort((one, other) => one - other);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, index) => index + 1),
  );
  const run = new Set(
    [...gitCases, ...apiCases, ...cliCases, ...configCases, ...manifestCases].map(({ row }) => row),
  );
  const missing = badInputs.flatMap(({ row, shown }) =>
    shown
      .filter((place) => !(place === 'cases' ? run.has(row) : isIn(place)))
      .map((place) => `${row}: ${place}`),
  );
  assert.deepEqual(missing, []);
  const known = new Set(badInputs.map(({ row }) => row));
  assert.deepEqual(
    [...run].filter((row) => !known.has(row)),
    [],
  );
});

function isIn(place: string): boolean {
  const [file = '', ...words] = place.split(': ');
  const text = existsSync(join(tests, file)) ? readFileSync(join(tests, file), 'utf8') : '';
  return text.includes(words.join(': '));
}
