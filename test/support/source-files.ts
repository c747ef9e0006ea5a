import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

export type Import = {
  /** A path from the root for our own files, otherwise the name of the package or `node:` module. */
  readonly target: string;
  readonly kind: 'own' | 'package' | 'node';
  readonly typeOnly: boolean;
};

export type SourceFile = {
  /** From the root, like `src/fleet/docker.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments. */
  readonly code: string;
  readonly lines: number;
  readonly imports: readonly Import[];
};

const importStatement = /^(?:import|export)\s+(type\s+)?(?:[^'"();]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** Reads the TypeScript files that the globs name, with what each of them imports. */
export function readSourceFiles(...globs: readonly string[]): SourceFile[] {
  return globs
    .flatMap((glob) => globSync(glob, { cwd: root }))
    .filter((path) => !path.includes('node_modules'))
    .toSorted()
    .map(readSourceFile);
}

function readSourceFile(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
  const found = [
    ...[...code.matchAll(importStatement)].map((match) => readImport(path, match[2] ?? '', match)),
    ...[...code.matchAll(dynamicImport)].map((match) => readImport(path, match[1] ?? '')),
  ];
  return { path, text, code, lines: text.split('\n').length - 1, imports: found };
}

function readImport(from: string, specifier: string, match?: RegExpMatchArray): Import {
  const names =
    /\{([^}]*)\}/
      .exec(match?.[0] ?? '')?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '') ?? [];
  const everyNameIsType = names.length > 0 && names.every((name) => name.trim().startsWith('type '));
  const typeOnly = match?.[1] !== undefined || everyNameIsType;
  if (specifier.startsWith('.'))
    return { target: normalize(join(dirname(from), specifier)), kind: 'own', typeOnly };
  if (specifier.startsWith('node:')) return { target: specifier, kind: 'node', typeOnly };
  const parts = specifier.split('/');
  const target = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  return { target, kind: 'package', typeOnly };
}
