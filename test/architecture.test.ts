import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSourceFiles, root, type SourceFile } from './support/source-files.ts';

/**
 * The law of imports. An area is a folder of src/ or a file in it, or workers/. A file may import its own
 * area and every area of a lower layer; beside that only what `alsoMay` says, with the reason.
 */
const layers: readonly (readonly string[])[] = [
  ['model', 'failure', 'announce'],
  ['config', 'secrets'],
  ['log', 'store'],
  ['fleet', 'supervise', 'outbound'],
  ['route', 'publish', 'build', 'receive', 'queue'],
  ['rollout', 'webhooks'],
  ['pipeline'],
  ['platform'],
  ['api', 'workers'],
  ['api-desk'],
  ['server', 'worker', 'up'],
  ['cli', 'setup'],
  ['main'],
];

/** Imports inside one layer that are meant, and why. */
const alsoMay: Readonly<Record<string, string>> = {};

/** Packages and built-in modules that only the named files (or folders) may import. */
const owners: Readonly<Record<string, readonly string[]>> = {
  dockerode: ['src/fleet/docker.ts'],
  ssh2: ['src/fleet/ssh.ts', 'src/receive/ssh/door.ts'],
  bullmq: ['src/queue/queue.ts'],
  'node-git-server': ['src/receive/http.ts'],
  'node:sqlite': ['src/store/database.ts'],
  kysely: ['src/store/'],
  fastify: ['src/api/'],
  commander: ['src/cli/', 'src/main.ts'],
  'ipaddr.js': ['src/outbound/addresses.ts'],
  nodemailer: ['src/outbound/mail.ts'],
  pino: ['src/log/'],
};

const pureNames = ['plan', 'turn', 'table', 'strategy', 'retain'].map((name) => `${name}.ts`);
const pureFolders = ['src/model/', 'src/failures/', 'src/build/builders/'];
const pureFiles = [
  'src/failure.ts',
  'src/failure-catalogue.ts',
  ...['forms', 'automaton', 'redactor'].map((name) => `src/secrets/${name}.ts`),
  ...[
    'check',
    'check-notifications',
    'check-pipelines',
    'difference',
    'grammar',
    'json',
    'json-file',
    'json-schema',
    'mistakes',
    'notifications-schema',
    'resolve',
    'rollout-schema',
    'schema',
    'units',
  ].map((name) => `src/config/${name}.ts`),
];
const pureModules = ['path', 'path/posix', 'net', 'crypto', 'util', 'url', 'buffer', 'zlib'].map(
  (name) => `node:${name}`,
);
const purePackages = ['zod', 'fastest-levenshtein', '@balena/dockerignore'];

/** Where a program begins: only here is the process's environment read, to be handed on as a value. */
const readsEnvironment = ['src/config.ts', 'src/main.ts', 'src/setup/', 'src/supervise/', 'workers/'];

const files = readSourceFiles('src/**/*.{ts,mjs}', 'workers/**/*.ts');
const tests = readSourceFiles('test/**/*.ts');

function areaOf(path: string): string {
  const parts = path.split('/');
  const area = parts[0] === 'src' ? (parts[1] ?? '') : (parts[0] ?? '');
  const name = area.replace(/\.(?:ts|mjs)$/, '');
  return name === 'failure-catalogue' || name === 'failures' ? 'failure' : name;
}

function layerOf(area: string): number {
  return layers.findIndex((layer) => layer.includes(area));
}

function isPure({ path }: Pick<SourceFile, 'path'>): boolean {
  return (
    pureFiles.includes(path) ||
    pureFolders.some((folder) => path.startsWith(folder)) ||
    (path.startsWith('src/') && pureNames.includes(path.split('/').at(-1) ?? ''))
  );
}

function startsWithAny(path: string, starts: readonly string[]): boolean {
  return starts.some((start) => path.startsWith(start));
}

/** Fails with every violation at once. */
function assertNone(violations: readonly string[]): void {
  assert.deepEqual(violations, []);
}

/** The lines of code that fit, as `file:line: text`. */
function findLines(among: readonly SourceFile[], pattern: RegExp): string[] {
  return among.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const isComment = /^\s*(?:\/\/|\*|\/\*)/.test(line);
      return !isComment && pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [];
    }),
  );
}

test('every file belongs to an area of the picture', () => {
  assert.ok(files.length > 40, 'the files were not found');
  assertNone(files.filter(({ path }) => layerOf(areaOf(path)) < 0).map(({ path }) => path));
});

test('imports point down the journey', () => {
  assertNone(
    files.flatMap((file) =>
      file.imports.flatMap(({ kind, target }) => {
        if (kind !== 'own') return [];
        const [from, to] = [areaOf(file.path), areaOf(target)];
        const allowed = from === to || layerOf(to) < layerOf(from) || `${from} → ${to}` in alsoMay;
        return allowed && layerOf(to) >= 0 ? [] : [`${file.path} imports ${target}`];
      }),
    ),
  );
});

test('exceptions to the direction are used', () => {
  const seen = new Set(
    files.flatMap((file) => file.imports.map(({ target }) => `${areaOf(file.path)} → ${areaOf(target)}`)),
  );
  assertNone(Object.keys(alsoMay).filter((pair) => !seen.has(pair)));
});

test('files do not import each other in a circle', () => {
  const next = new Map(
    files.map((file) => [
      file.path,
      file.imports.filter(({ kind, typeOnly }) => kind === 'own' && !typeOnly).map(({ target }) => target),
    ]),
  );
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
    (next.get(from) ?? []).some((target) => {
      if (target === goal) return true;
      if (seen.has(target)) return false;
      seen.add(target);
      return reaches(target, goal, seen);
    });
  assertNone(files.filter(({ path }) => reaches(path, path)).map(({ path }) => path));
});

test('a library is known to its own file only', () => {
  assertNone(
    files.flatMap((file) =>
      file.imports.flatMap(({ target }) => {
        const owner = Object.hasOwn(owners, target) ? owners[target] : undefined;
        return owner && !startsWithAny(file.path, owner) ? [`${file.path} imports ${target}`] : [];
      }),
    ),
  );
});

test('packages are declared, and declared packages are used', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const declared = Object.keys(manifest.dependencies).filter((name) => name !== 'node');
  const used = new Set(
    files.flatMap((file) =>
      file.imports.filter(({ kind }) => kind === 'package').map(({ target }) => target),
    ),
  );
  assertNone([...used].filter((name) => !declared.includes(name)).map((name) => `${name} is not declared`));
  assertNone(declared.filter((name) => !used.has(name)).map((name) => `${name} is not used`));
});

/** The pure files and everything of ours that they import: all of it keeps their law. */
function listPureClosure(): SourceFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const closure = new Set(files.filter(isPure));
  for (const file of closure) {
    for (const { kind, target, typeOnly } of file.imports) {
      const imported = byPath.get(target);
      if (kind === 'own' && !typeOnly && imported) closure.add(imported);
    }
  }
  return [...closure];
}

test('pure files, and what they import, know no library or module that reaches outside', () => {
  assertNone(
    listPureClosure().flatMap((file) =>
      file.imports.flatMap(({ kind, target, typeOnly }) => {
        if (typeOnly || kind === 'own') return [];
        return (kind === 'node' ? pureModules : purePackages).includes(target)
          ? []
          : [`${file.path} imports ${target}`];
      }),
    ),
  );
});

test('pure files take time and randomness as arguments', () => {
  const impure =
    /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|randomUUID|randomBytes|process\.(?:env|argv|cwd|pid|on|exit|hrtime)|setTimeout|fetch\()/;
  assertNone(findLines(listPureClosure(), impure));
});

test('the environment of the process is read only where a program begins', () => {
  const others = files.filter(({ path }) => !startsWithAny(path, readsEnvironment));
  assertNone(findLines(others, /\bprocess\.env\b/));
});

test('no shell is ever asked', () => {
  const shell =
    /(?<![.\w])exec(?:Sync)?\(|import \{[^}]*\bexec(?:Sync)?\b[^}]*\} from 'node:child_process'|shell: true|['"](?:\/bin\/)?(?:ba|da)?sh['"],\s*\[/;
  assertNone(findLines(files, shell));
});

test('files are short', () => {
  assertNone(
    // A test file tells one story with its scenery, and may be a little longer.
    [...files.filter(({ lines }) => lines > 300), ...tests.filter(({ lines }) => lines > 350)].map(
      ({ path, lines }) => `${path}: ${lines} lines`,
    ),
  );
});

test('names say what a thing is', () => {
  const emptyFileName = /(?:^|[-/])(?:utils?|helpers?|managers?|services?|misc|common|index)\.(?:ts|mjs)$/;
  assertNone([...files, ...tests].filter(({ path }) => emptyFileName.test(path)).map(({ path }) => path));
  assertNone(
    findLines(
      files,
      /^export (?:async )?(?:function\*?|const|class) (?:(?:handle|process|manage|execute)[A-Z]|\w+(?:Manager|Helper|Utils?|Service)\b)/,
    ),
  );
});

test('nothing is exported by default, no catch is empty', () => {
  assertNone(findLines(files, /^export default\b/));
  assertNone(findLines(files, /catch\s*(?:\([^)]*\))?\s*\{\s*\}/));
});

test('an error that is let go has its reason beside it', () => {
  const letGo = /\.catch\(\(\w*\)\s*=>\s*(?:\{\s*\}|undefined|null|\[\]|false)\)/;
  assertNone(
    files.flatMap(({ path, text }) => {
      const lines = text.split('\n');
      return lines.flatMap((line, index) => {
        const reason = /\/\/|\*\//.test(line) || /^\s*(?:\/\/|\*\/|\/\*)/.test(lines[index - 1] ?? '');
        return letGo.test(line) && !reason ? [`${path}:${index + 1}: ${line.trim()}`] : [];
      });
    }),
  );
});

test('no work is left for later, no test is skipped', () => {
  const leftForLater = new RegExp(`\\b(?:TO${'DO'}|FIX${'ME'}|XX${'X'})\\b`);
  assertNone([...files, ...tests].filter(({ text }) => leftForLater.test(text)).map(({ path }) => path));
  assertNone(
    findLines(tests, /\b(?:test|it|describe|suite|t)\.(?:skip|only|todo)\b|\{[^}]*\b(?:skip|todo|only):/),
  );
});

test('every test that the documents name exists', () => {
  const documents = readSourceFiles('*.md', 'docs/**/*.md');
  const named = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:test|bench|src|hooks|workers|examples)\/[\w./-]+\.(?:ts|mjs|json)\b/g)].map(
      (match) => ({ path, file: match[0] }),
    ),
  );
  assertNone(
    named
      .filter(({ file }) => !existsSync(join(root, file)))
      .map(({ path, file }) => `${path} names ${file}`),
  );
});

test('links between the documents lead somewhere', () => {
  const links = readSourceFiles('*.md', 'docs/**/*.md').flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => ({
      path,
      link: match[1] ?? '',
    })),
  );
  assertNone(
    links
      .filter(({ path, link }) => !existsSync(join(root, path, '..', link)))
      .map(({ path, link }) => `${path} → ${link}`),
  );
});
