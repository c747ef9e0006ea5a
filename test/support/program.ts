import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Runs a program to its end and returns what it printed; throws with its stderr when it fails. */
export async function runProgram(
  file: string,
  argv: readonly string[],
  options: { stdin?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<string> {
  const child = spawn(file, argv, { env: options.env, cwd: options.cwd });
  // a program that ends before it read its input says why on stderr
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code === 0) return stdout;
  throw new Error(`${file} ${argv.join(' ')} ended with ${code ?? signal}: ${stderr.trim()}`);
}

/** As `runProgram`, but a failure is an answer: undefined. For things that may be gone already. */
export async function tryProgram(file: string, argv: readonly string[]): Promise<string | undefined> {
  try {
    return await runProgram(file, argv);
  } catch {
    return undefined;
  }
}
