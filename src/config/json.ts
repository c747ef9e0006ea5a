/** Where a key or value stands in the file; both count from 1. */
export type Position = { readonly line: number; readonly column: number };

export type Path = readonly (string | number)[];

export type JsonDocument = {
  readonly value: unknown;
  /** Position of each key (or list item), by `pathKey(path)`. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly duplicates: readonly { readonly path: Path; readonly first: Position; readonly again: Position }[];
};

/** The text is not JSON (RFC 8259); `position` is the first character that does not fit. */
export class JsonMistake extends Error {
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.name = 'JsonMistake';
    this.position = position;
  }
}

const maxDepth = 32;
const whitespace = /[ \t\r\n]*/y;
// Of the control characters JSON forbids those of ASCII alone.
const stringToken = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const wordToken = /true|false|null/y;

/** One string for a path, as the keys of `positions`. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** JSON, strict, with positions and duplicate keys told; objects have no prototype. Throws JsonMistake. */
export function parseJson(text: string): JsonDocument {
  const reader = new Reader(text);
  const value = reader.readDocument();
  return { value, positions: reader.positions, duplicates: reader.duplicates };
}

class Reader {
  readonly positions = new Map<string, Position>();
  readonly duplicates: { path: Path; first: Position; again: Position }[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  readDocument(): unknown {
    if (this.#text.startsWith('\uFEFF')) throw this.#mistake('the file begins with a byte order mark');
    const value = this.#readValue([]);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#mistake('there is more text after the end of the value');
    return value;
  }

  #readValue(path: Path): unknown {
    this.#skipSpace();
    if (path.length > maxDepth) throw this.#mistake(`nested more than ${maxDepth} deep`);
    const next = this.#text[this.#at];
    if (next === '{') return this.#readObject(path);
    if (next === '[') return this.#readList(path);
    const token = next === '"' ? this.#take(stringToken) : (this.#take(numberToken) ?? this.#take(wordToken));
    if (token === undefined) throw this.#mistake(this.#describeUnexpected('a value'));
    return JSON.parse(token);
  }

  #readObject(path: Path): unknown {
    const object: Record<string, unknown> = Object.create(null);
    this.#at += 1;
    if (this.#sees('}')) return object;
    do {
      this.#skipSpace();
      const position = this.#position();
      const token = this.#take(stringToken);
      if (token === undefined) throw this.#mistake(this.#describeUnexpected('a key in double quotes'));
      const key: string = JSON.parse(token);
      const here = [...path, key];
      this.#notePosition(here, position);
      if (!this.#sees(':')) throw this.#mistake(this.#describeUnexpected('":" after the key'));
      object[key] = this.#readValue(here);
    } while (this.#sees(','));
    if (!this.#sees('}')) throw this.#mistake(this.#describeUnexpected('"," or "}"'));
    return object;
  }

  #readList(path: Path): unknown {
    const list: unknown[] = [];
    this.#at += 1;
    if (this.#sees(']')) return list;
    do {
      this.#skipSpace();
      const here = [...path, list.length];
      this.positions.set(pathKey(here), this.#position());
      list.push(this.#readValue(here));
    } while (this.#sees(','));
    if (!this.#sees(']')) throw this.#mistake(this.#describeUnexpected('"," or "]"'));
    return list;
  }

  #notePosition(path: Path, position: Position): void {
    const first = this.positions.get(pathKey(path));
    if (first) this.duplicates.push({ path, first, again: position });
    else this.positions.set(pathKey(path), position);
  }

  #take(token: RegExp): string | undefined {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #sees(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    this.#take(whitespace);
  }

  #position(): Position {
    const before = this.#text.slice(0, this.#at);
    return {
      line: before.split('\n').length,
      column: this.#at - before.lastIndexOf('\n'),
    };
  }

  #mistake(message: string): JsonMistake {
    return new JsonMistake(message, this.#position());
  }

  #describeUnexpected(wanted: string): string {
    const next = this.#text[this.#at];
    if (next === undefined) return `the text ends where ${wanted} was expected`;
    if (next === '/' || next === '#') return 'comments are not JSON; use a key that begins with "x-"';
    if (next === '}' || next === ']') return `${wanted} was expected before "${next}" (a comma too many?)`;
    return `${wanted} was expected, found ${JSON.stringify(next)}`;
  }
}
