import { readFile } from 'node:fs/promises';
import { Failure } from '../failure.ts';
import type { Terminal } from './terminal.ts';

/** The text of a file, or of stdin when it is `-`. Throws `wrong_usage`. */
export async function readText(file: string, terminal: Pick<Terminal, 'readInput'>): Promise<string> {
  if (file === '-') return terminal.readInput();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Failure('wrong_usage', `${file} cannot be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
