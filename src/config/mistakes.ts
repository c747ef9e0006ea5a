import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { type JsonDocument, type Path, pathKey } from './json.ts';

/** One thing that is wrong in the file; the path is empty for the file as a whole. */
export type Mistake = { readonly path: Path; readonly message: string; readonly hint?: string };

type Issue = z.core.$ZodIssue;
type SchemaNode = {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
};

/** What a zod schema found, in our words: unknown keys name the nearest known one. Pure. */
export function listSchemaMistakes(issues: readonly Issue[], schema: z.ZodType): Mistake[] {
  const root = z.toJSONSchema(schema, { io: 'input' }) as SchemaNode;
  return issues.flatMap((issue) => describeIssue(issue, root));
}

function describeIssue(issue: Issue, root: SchemaNode): Mistake[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => describeUnknownKey([...path, key], key, knownKeys(root, path)));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const inner = issue.errors.toSorted((a, b) => score(b) - score(a))[0] ?? [];
    return inner.flatMap((found) => describeIssue({ ...found, path: [...issue.path, ...found.path] }, root));
  }
  if (issue.code === 'invalid_key') {
    return [
      {
        path,
        message: `${JSON.stringify(String(path.at(-1)).slice(0, 60))}: ${issue.issues[0]?.message ?? issue.message}`,
      },
    ];
  }
  return [{ path, message: issue.message.replace('Invalid input: expected', 'expected') }];
}

/** The branch of a union that was meant got into the value, and then has the fewest mistakes. */
function score(issues: readonly Issue[]): number {
  const entered = issues.some((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys');
  return (entered ? 1000 : 0) - issues.length;
}

function describeUnknownKey(path: Path, key: string, known: readonly string[]): Mistake {
  const hint = nearest(key, known);
  return {
    path,
    message: `unknown key ${JSON.stringify(key)}`,
    hint: hint ?? `known here: ${known.join(', ')}`,
  };
}

/** `did you mean "x"?` when a known word is near, otherwise undefined. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || word.length > 100) return undefined;
  const found = closest(word, known);
  return distance(word, found) <= Math.max(2, Math.floor(found.length / 2))
    ? `did you mean "${found}"?`
    : undefined;
}

function knownKeys(root: SchemaNode, path: Path): string[] {
  let nodes: readonly SchemaNode[] = [root];
  for (const part of path) nodes = nodes.flatMap(unfold).flatMap((node) => stepInto(node, String(part)));
  return [...new Set(nodes.flatMap(unfold).flatMap((node) => Object.keys(node.properties ?? {})))];
}

function unfold(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ? node.anyOf.flatMap(unfold) : [node];
}

function stepInto(node: SchemaNode, key: string): readonly SchemaNode[] {
  const property = node.properties && Object.hasOwn(node.properties, key) ? node.properties[key] : undefined;
  if (property) return [property];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
}

/** Each mistake as `path: message (hint)`, in the order of the file, with the line where it stands. */
export function formatMistakes(mistakes: readonly Mistake[], document: JsonDocument): string[] {
  const placed = mistakes.map((mistake) => ({ mistake, position: findPosition(mistake.path, document) }));
  placed.sort((a, b) => (a.position?.line ?? 0) - (b.position?.line ?? 0));
  const lines = placed.map(({ mistake, position }) => {
    const hint = mistake.hint === undefined ? '' : ` (${mistake.hint})`;
    const where = position ? ` [line ${position.line}]` : '';
    return `${formatPath(mistake.path)}: ${mistake.message}${hint}${where}`;
  });
  return [...new Set(lines)];
}

function findPosition(path: Path, document: JsonDocument) {
  for (let length = path.length; length > 0; length -= 1) {
    const position = document.positions.get(pathKey(path.slice(0, length)));
    if (position) return position;
  }
  return undefined;
}

/** `servers.app1.roles[0]`; names that are not plain words are quoted. */
export function formatPath(path: Path): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const shown = /^[\w$-]+$/.test(part) ? part : JSON.stringify(part.slice(0, 60));
      return index === 0 ? shown : `.${shown}`;
    })
    .join('');
}
