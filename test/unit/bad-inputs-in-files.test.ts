import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { planManifest } from '../../src/build/manifest.ts';
import { readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';
import { configCases, type FileCase, manifestCases } from '../bad-inputs/file-cases.ts';
import { assertNoCanary } from '../bad-inputs/traces.ts';

const folder = mkdtempSync(join(tmpdir(), 'hawser-bad-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'deploy.config.json');

function readAsConfig(text: string): void {
  writeFileSync(file, text);
  readConfig(file, {});
}

function judge(cases: readonly FileCase[], read: (text: string) => unknown): void {
  const wrong = cases.flatMap(({ row, what, text, code }) => {
    try {
      read(text);
      return [`${row} ${what} was taken`];
    } catch (error) {
      if (!(error instanceof Failure)) return [`${row} ${what}: ${(error as Error).stack}`];
      assert.ok(error.message.length < 30_000, `${row} ${what}: ${error.message.length} characters`);
      assert.doesNotMatch(error.message, /(?!\n)\p{Cc}/u, `${row} ${what}`);
      return code.test(error.code) ? [] : [`${row} ${what}: ${error.code} ${error.message}`];
    }
  });
  assert.deepEqual(wrong, []);
  assertNoCanary();
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
}

test('every bad deploy.config.json is refused by its code, and nothing is left beside it', () => {
  judge(configCases, readAsConfig);
  assert.deepEqual(readdirSync(folder), ['deploy.config.json']);
});

test('every bad app.json is refused by its code', () => {
  judge(manifestCases, (appJson) => planManifest({ procfile: null, appJson }));
});
