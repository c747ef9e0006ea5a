import { Failure } from '../failure.ts';
import { runProcess } from '../model/run.ts';

const typePattern = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;
const maxTypes = 50;

/**
 * Process types and their command lines, in the order of the file. Throws `procfile_invalid` with every line
 * that is wrong.
 */
export function parseProcfile(text: string): Map<string, string> {
  const found = new Map<string, { line: number; command: string }>();
  const mistakes: string[] = [];
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries();
  for (const [index, raw] of lines) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const read = readLine(line, found);
    if ('mistake' in read) mistakes.push(`line ${index + 1}: ${read.mistake}: ${line.slice(0, 160)}`);
    else found.set(read.type, { line: index + 1, command: read.command });
  }
  if (found.size > maxTypes) mistakes.push(`${found.size} process types; the limit is ${maxTypes}`);
  if (found.size === 0 && mistakes.length === 0) mistakes.push('it names no process');
  if (mistakes.length > 0) throw refuse(mistakes);
  return new Map([...found].map(([type, { command }]) => [type, command]));
}

/** How a line of the Procfile is run in the image. */
export function toCommand(line: string): readonly string[] {
  return ['/bin/sh', '-c', line];
}

function readLine(
  line: string,
  before: ReadonlyMap<string, { line: number }>,
): { type: string; command: string } | { mistake: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { mistake: 'no ":" between type and command' };
  const type = line.slice(0, colon).trim();
  const command = line.slice(colon + 1).trim();
  if (!typePattern.test(type) || type.includes('--')) {
    return { mistake: 'a type has 1 to 30 lower-case letters, digits and single dashes' };
  }
  if (type === runProcess) return { mistake: '"run" is what hawser run calls its own; use another type' };
  if (command === '') return { mistake: `"${type}" has no command` };
  if (command.includes('\0')) return { mistake: `"${type}" has a NUL in its command` };
  const first = before.get(type);
  return first ? { mistake: `"${type}" is already on line ${first.line}` } : { type, command };
}

function refuse(mistakes: readonly string[]): Failure {
  const lines = mistakes.slice(0, 20).map((mistake) => `  ${mistake}`);
  return new Failure('procfile_invalid', `Procfile:\n${lines.join('\n')}`);
}
