import { Failure } from '../failure.ts';

type Scanned = { readonly value: string; readonly end: number };

const blank = /(?:[ \t]*(?:#[^\n]*)?\r?\n|[ \t]+(?=[^ \t])|[ \t]*(?:#[^\n]*)?$)/y;
const head = /(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/y;
const doubleQuoted = /"((?:[^"\\]|\\[\s\S])*)"/y;
const singleQuoted = /'([^']*)'/y;
const unquoted = /[^\r\n]*/y;
const rest = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Variables of a file in dotenv's format: `NAME=value` a line, values quoted where they have spaces at their ends,
 * `#` or line breaks. Of a name that is there twice the last one holds. Throws `dotenv_invalid` with the line.
 */
export function parseDotenv(text: string): Record<string, string> {
  const source = text.replace(/^\ufeff/, '');
  const found = new Map<string, string>();
  let at = skipBlank(source, 0);
  while (at < source.length) {
    const named = matchAt(head, source, at);
    if (named === null) throw invalid(source, at, 'it is not NAME=VALUE');
    const { value, end } = scanValue(source, at + named[0].length);
    found.set(named[1] ?? '', value);
    at = skipBlank(source, end);
  }
  return Object.fromEntries(found);
}

function scanValue(source: string, at: number): Scanned {
  const double = matchAt(doubleQuoted, source, at);
  if (double !== null) return closeValue(source, at, double[0], readEscapes(double[1] ?? ''));
  const single = matchAt(singleQuoted, source, at);
  if (single !== null) return closeValue(source, at, single[0], single[1] ?? '');
  if (/["']/.test(source[at] ?? '')) throw invalid(source, at, 'its quote does not end');
  const [line = ''] = matchAt(unquoted, source, at) ?? [];
  return { value: line.replace(/(?:^|[ \t])#.*$/, '').trim(), end: at + line.length };
}

/** Behind a quoted value nothing else may be on its line. */
function closeValue(source: string, at: number, quoted: string, value: string): Scanned {
  const end = at + quoted.length;
  if (matchAt(rest, source, end) !== null) return { value, end };
  throw invalid(source, end, 'there is something behind its quoted value');
}

function readEscapes(text: string): string {
  return text.replace(/\\([nrt"\\$`])/g, (_, letter: string) => escapes[letter] ?? letter);
}

function skipBlank(source: string, from: number): number {
  let at = from;
  while (at < source.length) {
    const length = matchAt(blank, source, at)?.[0].length ?? 0;
    if (length === 0) return at;
    at += length;
  }
  return at;
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function invalid(source: string, at: number, fault: string): Failure {
  const line = source.slice(0, at).split('\n').length;
  return new Failure('dotenv_invalid', `Line ${line} cannot be read: ${fault}.`);
}

const plain = /^[A-Za-z0-9_./:@%+,=-]*$/;

/** One variable as a line of such a file, which a shell reads the same way unless it has line breaks. */
export function formatDotenv(name: string, value: string): string {
  if (plain.test(value)) return `${name}=${value}`;
  const escaped = value
    .replace(/[\\"$`]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `${name}="${escaped}"`;
}
