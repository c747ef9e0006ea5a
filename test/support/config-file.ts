import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Config, readConfig } from '../../src/config.ts';
import { Failure } from '../../src/failure.ts';

/** A folder of its own, gone when the test ends. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Reads a deploy.config.json with that content. */
export function read(t: TestContext, content: unknown, env: NodeJS.ProcessEnv = {}): Config {
  const file = join(makeFolder(t), 'deploy.config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readConfig(file, env);
}

/** The Failure that the content is refused with. */
export function refusal(t: TestContext, content: unknown, env: NodeJS.ProcessEnv = {}): Failure {
  try {
    read(t, content, env);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: `was accepted: ${JSON.stringify(content)?.slice(0, 200)}` });
}

/** One mistake and no other, at that path, with that text. */
export function assertOneMistake(t: TestContext, content: unknown, line: RegExp): void {
  const failure = refusal(t, content);
  assert.equal(failure.code, 'config_invalid');
  const lines = failure.message.split('\n').slice(1);
  assert.equal(lines.length, 1, failure.message);
  assert.match(lines[0] ?? '', line);
}
