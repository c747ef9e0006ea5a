import { z } from 'zod';
import { Failure } from '../failure.ts';

/** Where an item stands in the order of its list. */
export type Position = readonly (string | number)[];

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});
export type PageQuery = z.output<typeof pageQuery>;

export type PageOf<T> = { readonly items: readonly T[]; readonly next: string | null };

const natural = new Intl.Collator('en', { numeric: true });

/**
 * One page of a list that is read whole. The list is put in the order of the named fields; a `-` in front turns one
 * around. A page goes on behind a position, not a number of items: what comes or goes meanwhile neither shifts it nor
 * shows an item twice. Throws `invalid_cursor`. Pure.
 */
export function cutPage<T>(
  list: string,
  items: readonly T[],
  fields: readonly string[],
  { limit, cursor }: PageQuery,
): PageOf<T> {
  const after = cursor === undefined ? undefined : readCursor(list, cursor, fields.length);
  const directions = fields.map((field) => (field.startsWith('-') ? -1 : 1));
  const compare = (a: Position, b: Position) => comparePositions(a, b, directions);
  const placed = items
    .map((item) => ({ item, at: positionOf(item, fields) }))
    .toSorted((a, b) => compare(a.at, b.at))
    .filter(({ at }) => after === undefined || compare(at, after) > 0);
  const shown = placed.slice(0, limit);
  const last = shown.at(-1);
  const next = placed.length > limit && last !== undefined ? makeCursor(list, last.at) : null;
  return { items: shown.map(({ item }) => item), next };
}

/** Names a position of one list, in a form that nobody is to look into. Pure. */
export function makeCursor(list: string, at: Position): string {
  return Buffer.from(JSON.stringify([list, ...at])).toString('base64url');
}

/** The position that a cursor of this list names. Throws `invalid_cursor`. Pure. */
export function readCursor(list: string, cursor: string, parts: number): Position {
  const [name, ...at] = parse(cursor);
  const isWhole = at.every((part) => typeof part === 'string' || typeof part === 'number');
  if (name !== list || at.length !== parts || !isWhole) {
    throw new Failure('invalid_cursor', 'The cursor is not one that this list gave.');
  }
  return at as Position;
}

/** The same for a list whose position is one number. Throws `invalid_cursor`. Pure. */
export function readNumberCursor(list: string, cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const [at] = readCursor(list, cursor, 1);
  if (Number.isSafeInteger(at)) return Number(at);
  throw new Failure('invalid_cursor', 'The cursor is not one that this list gave.');
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    // What is not ours is refused by who asked for it.
    return [];
  }
}

function positionOf(item: unknown, fields: readonly string[]): Position {
  return fields.map((field) => {
    const value = (Object(item) as Record<string, unknown>)[field.replace(/^-/, '')];
    return typeof value === 'number' ? value : String(value ?? '');
  });
}

function comparePositions(a: Position, b: Position, directions: readonly number[]): number {
  for (const [index, direction] of directions.entries()) {
    const order = compareParts(a[index] ?? '', b[index] ?? '');
    if (order !== 0) return order * direction;
  }
  return 0;
}

/** Names that the language takes for the same are still two places. */
function compareParts(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [one, other] = [String(a), String(b)];
  return natural.compare(one, other) || (one < other ? -1 : Number(one > other));
}
