import { Failure } from '../failure.ts';
import { readText } from './read-text.ts';
import type { Terminal } from './terminal.ts';

/**
 * Variables from words of a command line: `NAME=VALUE`, `NAME=-` for all of stdin, `NAME=@FILE` for a file. Those two
 * keep a value away from the list of processes and the shell's history. Throws `wrong_usage` and `empty_value`, which
 * never say a value.
 */
export async function readVariables(
  words: readonly string[],
  terminal: Pick<Terminal, 'readInput' | 'say'>,
  { allowEmpty = false }: { readonly allowEmpty?: boolean } = {},
): Promise<Record<string, string>> {
  const pairs = words.map(parseWord);
  if (pairs.filter(([, value]) => value === '-').length > 1) {
    throw new Failure('wrong_usage', 'Only one variable can be read from stdin.', {
      fix: 'Use NAME=@FILE for the others.',
    });
  }
  const vars: Record<string, string> = {};
  for (const [name, value] of pairs) {
    const read = await readValue(name, value, terminal);
    if (read === '' && value !== '' && !allowEmpty)
      throw new Failure('empty_value', `${name}: nothing was read.`);
    vars[name] = read;
  }
  return vars;
}

async function readValue(
  name: string,
  value: string,
  terminal: Pick<Terminal, 'readInput' | 'say'>,
): Promise<string> {
  const source = value === '-' ? '-' : value.startsWith('@') ? value.slice(1) : undefined;
  if (source === undefined) return value;
  const text = await readText(source, terminal);
  if (text.endsWith('\n')) terminal.say(`${name} ends with a line break, which is kept (printf adds none).`);
  return text;
}

function parseWord(word: string): [string, string] {
  const at = word.indexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  // Never the whole word: it may be a secret.
  throw new Failure('wrong_usage', 'A variable is not NAME=VALUE.', {
    fix: "hawser config:set NAME=VALUE 'OTHER=value with spaces' NAME=- NAME=@FILE",
  });
}
