import { posix } from 'node:path';
import { Failure } from '../failure.ts';

/** `*` stops at slashes, `**` before a name stands for folders, `**` at the end for anything, `?` for one character. */
type Token =
  | { readonly kind: 'star' | 'folders' | 'rest' | 'any' }
  | {
      readonly kind: 'set';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'literal'; readonly character: string };

type Rule = { readonly negative: boolean; readonly tokens: readonly Token[] };

const maxBytes = 64 * 1024;

/**
 * The rules of a `.dockerignore` as Docker reads them; the answer says whether a path is left out. No regular
 * expressions: a pattern costs at most its length times the path's. Throws `dockerignore_invalid`.
 */
export function parseIgnore(text: string): (path: string) => boolean {
  if (Buffer.byteLength(text) > maxBytes) {
    throw new Failure('dockerignore_invalid', '.dockerignore is larger than 64 KB');
  }
  const rules = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, index) => parseRule(line, index + 1));
  if (rules.length === 0) return () => false;
  return (path) => isIgnored(path, rules);
}

function parseRule(line: string, number: number): Rule[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const negative = trimmed.startsWith('!');
  const body = (negative ? trimmed.slice(1) : trimmed).trim();
  if (body === '') {
    if (!negative) return [];
    throw new Failure('dockerignore_invalid', `.dockerignore line ${number}: "!" without a pattern`);
  }
  const pattern = posix
    .normalize(body)
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/(?=.)/, '');
  return [{ negative, tokens: parseTokens(pattern, number) }];
}

const tokenPattern = /\*\*\/?|\*|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|\\?(.)/gsu;

function parseTokens(pattern: string, line: number): Token[] {
  return [...pattern.matchAll(tokenPattern)].map((found): Token => {
    const [text, negation, set, character = ''] = found;
    if (text.startsWith('**'))
      return { kind: found.index + text.length < pattern.length ? 'folders' : 'rest' };
    if (text === '*') return { kind: 'star' };
    if (text === '?') return { kind: 'any' };
    if (set !== undefined) return { kind: 'set', negated: negation === '^', ranges: parseRanges(set) };
    if (text === '[')
      throw new Failure('dockerignore_invalid', `.dockerignore line ${line}: "[" without "]"`);
    return { kind: 'literal', character };
  });
}

function parseRanges(set: string): (readonly [string, string])[] {
  const ranges = [...set.matchAll(/\\?(.)(?:-\\?(.))?/gsu)];
  return ranges.map(([, low = '', high = low]) => [low, high] as const);
}

/** The last rule that fits the path or one of its parent folders decides. */
function isIgnored(path: string, rules: readonly Rule[]): boolean {
  const clean = path.replace(/\/$/, '');
  let ignored = false;
  for (const { negative, tokens } of rules) {
    if (negative === ignored && fitsOrHoldsFitting(clean, tokens)) ignored = !negative;
  }
  return ignored;
}

/** Walks the path once with every place in the pattern that is possible; each folder's end is a chance to fit. */
function fitsOrHoldsFitting(path: string, tokens: readonly Token[]): boolean {
  let places = new Set<number>();
  enter(places, 0, tokens);
  for (const character of path) {
    if (character === '/' && places.has(tokens.length)) return true;
    const next = new Set<number>();
    for (const place of places) step(next, place, { tokens, character });
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(tokens.length);
}

function step(
  next: Set<number>,
  place: number,
  { tokens, character }: { tokens: readonly Token[]; character: string },
): void {
  const token = tokens[place];
  if (token === undefined) return;
  if (token.kind === 'folders') {
    // Inside a folder's name nothing that follows can begin.
    next.add(place);
    if (character === '/') enter(next, place + 1, tokens);
  } else if (token.kind === 'rest' || token.kind === 'star') {
    if (token.kind === 'rest' || character !== '/') enter(next, place, tokens);
  } else if (fitsOne(token, character)) enter(next, place + 1, tokens);
}

/** Whatever may stand for nothing is passed as well. */
function enter(places: Set<number>, place: number, tokens: readonly Token[]): void {
  places.add(place);
  const kind = tokens[place]?.kind;
  if (kind === 'star' || kind === 'folders' || kind === 'rest') enter(places, place + 1, tokens);
}

function fitsOne(token: Token, character: string): boolean {
  if (token.kind === 'literal') return token.character === character;
  if (token.kind !== 'set') return character !== '/';
  const inside = token.ranges.some(([low, high]) => low <= character && character <= high);
  return inside !== token.negated;
}
