import { Failure } from '../failure.ts';
import type { Terminal } from './terminal.ts';

/**
 * One secret for each name: asked for on a terminal without being shown, else a line each of stdin. Never of the
 * command line, which everybody on the machine can read. Throws `wrong_usage`.
 */
export async function askSecrets<const T extends readonly string[]>(
  terminal: Pick<Terminal, 'interactive' | 'askSecret' | 'readInput'>,
  ...names: T
): Promise<{ [K in keyof T]: string }> {
  const lines = terminal.interactive ? null : (await terminal.readInput()).split(/\r?\n/);
  const found: string[] = [];
  for (const [at, name] of names.entries()) {
    const secret = lines === null ? await terminal.askSecret(`${name}: `) : (lines[at] ?? '');
    if (secret === '')
      throw new Failure('wrong_usage', `${name}: nothing was said, on the terminal or on stdin.`);
    found.push(secret);
  }
  return found as { [K in keyof T]: string };
}
