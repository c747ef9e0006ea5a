import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end and answers what it printed; throws with its errors when it fails. */
export async function run(file: string, ...argv: readonly string[]): Promise<string> {
  const { stdout } = await execute(file, [...argv], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** The same, for clean-up: what is gone already is fine. */
export async function runQuietly(file: string, ...argv: readonly string[]): Promise<void> {
  await execute(file, [...argv]).catch(() => {});
}
