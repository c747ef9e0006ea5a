import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { Failure } from '../failure.ts';
import { listCertificateMistakes, listTrustMistakes } from './certificate.ts';
import { listCrossMistakes, listWholeMistakes } from './check.ts';
import type { JsonDocument } from './json.ts';
import { parseJsonFile } from './json-file.ts';
import { formatMistakes, formatPath, listSchemaMistakes, type Mistake } from './mistakes.ts';
import { explain, findIdentityMistake, type Outside, readOutsideValues, resolvePath } from './outside.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema, type WrittenConfig } from './schema.ts';

const maxBytes = 64 * 1024;
const maxShown = 100;

/** The file whole: parsed, checked, resolved, frozen; or one Failure that names every mistake in it. */
export function readConfigFile(name: string, env: NodeJS.ProcessEnv): Config {
  const file = resolve(name);
  const document = parseJsonFile(readText(file), file);
  if (typeof document.value !== 'object' || document.value === null || Array.isArray(document.value)) {
    const kind = Array.isArray(document.value)
      ? 'a list'
      : document.value === null
        ? 'null'
        : typeof document.value;
    throw new Failure('config_not_object', `${file} must hold one object { … }, not ${kind}`);
  }
  const outside = { folder: dirname(file), env };
  const checked = check(document, outside);
  if ('mistakes' in checked) {
    throw new Failure('config_invalid', describeMistakes(file, formatMistakes(checked.mistakes, document)));
  }
  return resolveConfig(checked.written, file, (path) => resolvePath(path, outside), env);
}

function describeMistakes(file: string, lines: readonly string[]): string {
  const many = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`;
  const shown = lines.slice(0, maxShown).map((line) => `  ${line}`);
  const rest = lines.length > maxShown ? [`  … and ${lines.length - maxShown} more`] : [];
  return [`${file} has ${many}:`, ...shown, ...rest].join('\n');
}

function check(
  document: JsonDocument,
  outside: Outside,
): { written: WrittenConfig } | { mistakes: Mistake[] } {
  const read = readOutsideValues(document.value, outside);
  const tree = read.tree as Readonly<Record<string, unknown>>;
  const parsed = configSchema.safeParse(tree);
  // A value from outside that is missing is told once, as missing, not again as the wrong type.
  const missing = new Set(read.mistakes.map((mistake) => formatPath(mistake.path)));
  const ofSchema = parsed.success ? [] : listSchemaMistakes(parsed.error.issues, configSchema);
  const mistakes = [
    ...listDuplicates(document),
    ...read.mistakes,
    ...ofSchema.filter((mistake) => !missing.has(formatPath(mistake.path))),
    ...listCrossMistakes(tree),
    ...listWholeMistakes(parseSoundParts(tree, [...read.mistakes, ...ofSchema])),
    ...listIdentityMistakes(tree, outside),
    ...listTlsMistakes(tree, outside),
    ...listSmtpTrustMistakes(tree, outside),
  ];
  return parsed.success && mistakes.length === 0 ? { written: parsed.data } : { mistakes };
}

/** The file with defaults in place of the top-level keys that have mistakes, so that the others are compared. */
function parseSoundParts(
  tree: Readonly<Record<string, unknown>>,
  mistakes: readonly Mistake[],
): WrittenConfig {
  const broken = new Set(mistakes.map((mistake) => mistake.path[0]));
  return configSchema.parse(Object.fromEntries(Object.entries(tree).filter(([key]) => !broken.has(key))));
}

function listDuplicates(document: JsonDocument): Mistake[] {
  return document.duplicates.map(({ path, first, again }) => ({
    path,
    message: `duplicate key ${JSON.stringify(path.at(-1))}`,
    hint: `on line ${first.line} and again on line ${again.line}`,
  }));
}

function listIdentityMistakes(tree: Readonly<Record<string, unknown>>, outside: Outside): Mistake[] {
  return Object.entries(tree.servers ?? {}).flatMap(([name, server]): Mistake[] => {
    const identity: unknown = Object(server).identity;
    if (typeof identity !== 'string') return [];
    const mistake = findIdentityMistake(resolvePath(identity, outside));
    return mistake ? [{ path: ['servers', name, 'identity'], ...mistake }] : [];
  });
}

function listTlsMistakes(tree: Readonly<Record<string, unknown>>, outside: Outside): Mistake[] {
  const { cert, key } = Object(Object(tree.listen).tls) as Record<string, unknown>;
  if (typeof cert !== 'string' || typeof key !== 'string') return [];
  return listCertificateMistakes({ cert: resolvePath(cert, outside), key: resolvePath(key, outside) });
}

function listSmtpTrustMistakes(tree: Readonly<Record<string, unknown>>, outside: Outside): Mistake[] {
  const { ca } = Object(Object(tree.notifications).smtp) as Record<string, unknown>;
  if (typeof ca !== 'string') return [];
  return listTrustMistakes(resolvePath(ca, outside), ['notifications', 'smtp', 'ca']);
}

function readText(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    throw new Failure('config_not_found', `cannot read ${file}: ${explain(error)}`, { cause: error });
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Failure('config_not_found', `${file} is not a file`);
    if (stat.size > maxBytes)
      throw new Failure(
        'config_too_large',
        `${file} has ${stat.size} bytes; the limit is ${maxBytes} (64 KB)`,
      );
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
