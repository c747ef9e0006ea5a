import { Failure } from '../../failure.ts';
import { type GitService, readAppName } from '../git/request.ts';
import { quoteValue } from '../printable.ts';

/** What `ssh git@host …` asks for: git's own conversation about an app, or a command line of ours. */
export type Asked =
  | { readonly kind: 'git'; readonly service: GitService; readonly appName: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

const longest = 64 * 1024;
const services: Readonly<Record<string, GitService>> = {
  'git-receive-pack': 'receive-pack',
  'git-upload-pack': 'upload-pack',
};
const commandName = /^(?:[a-z]+(?::[a-z-]+)?|-h|--help|-V|--version)$/;

/**
 * Understands a command of an exec request, or throws the Failure that answers it. What begins with `git` is git's
 * in exactly the forms that git sends; nothing is ever expanded or handed to a shell.
 */
export function parseAsked(text: string): Asked {
  const argv = splitWords(text);
  const [first = '', second = ''] = argv;
  const joined = first === 'git' ? [`git-${second}`, ...argv.slice(2)] : argv;
  const [name = '', path = '', ...more] = joined;
  if (!name.startsWith('git')) return { kind: 'command', argv: checkCommand(argv) };
  const service = Object.hasOwn(services, name) ? services[name] : undefined;
  if (service === undefined) {
    throw new Failure(
      'git_service_refused',
      `${quoteValue(name)} is not served; git push and git fetch are.`,
    );
  }
  if (path === '' || more.length > 0)
    throw new Failure('git_path_unknown', `${name} takes the path of one repository.`);
  return { kind: 'git', service, appName: readAppName(path.replace(/^\//, '').replace(/\/$/, '')) };
}

function checkCommand(argv: readonly string[]): readonly string[] {
  const [name = ''] = argv;
  if (commandName.test(name)) return argv;
  throw new Failure('ssh_command_unknown', `${quoteValue(name)} is not a command: there is no shell here.`);
}

const control = /\p{Cc}/u;
// A value may have lines and tabs when it is quoted; everything else that moves a terminal may not be in a word.
const allowedQuoted = /[\t\n]/;

/** Splits as a POSIX shell would, with its three ways of quoting and nothing else of it. Throws `wrong_usage`. */
export function splitWords(text: string): string[] {
  if (text.length > longest) throw refuse(`it is longer than ${longest} characters`);
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === ' ' || char === '\t' || char === '\n') {
      if (word !== null) words.push(word);
      word = null;
      at += 1;
      continue;
    }
    const piece = readPiece(text, at);
    word = (word ?? '') + piece.text;
    at = piece.end;
  }
  return word === null ? words : [...words, word];
}

type Piece = { readonly text: string; readonly end: number };

function readPiece(text: string, at: number): Piece {
  const char = text[at] ?? '';
  if (char === "'") return readSingle(text, at);
  if (char === '"') return readDouble(text, at);
  if (char === '\\') {
    if (at + 1 >= text.length) throw refuse('a backslash ends it');
    return { text: checkText(text[at + 1] ?? ''), end: at + 2 };
  }
  return { text: checkText(char), end: at + 1 };
}

function readSingle(text: string, at: number): Piece {
  const end = text.indexOf("'", at + 1);
  if (end < 0) throw refuse('a quote is not closed');
  return { text: checkText(text.slice(at + 1, end)), end: end + 1 };
}

function readDouble(text: string, start: number): Piece {
  let word = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '"') return { text: checkText(word), end: at + 1 };
    const next = text[at + 1] ?? '';
    if (char === '\\' && '$`"\\'.includes(next) && next !== '') at += 1;
    word += text[at] ?? '';
  }
  throw refuse('a quote is not closed');
}

function checkText(text: string): string {
  for (const char of text) {
    if (control.test(char) && !allowedQuoted.test(char)) throw refuse('it has control characters');
  }
  return text;
}

function refuse(why: string): Failure {
  return new Failure('wrong_usage', `The command cannot be read: ${why}.`);
}
