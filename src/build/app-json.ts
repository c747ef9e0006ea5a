import { parseJsonFile } from '../config/json-file.ts';
import { formatMistakes, formatPath, listSchemaMistakes } from '../config/mistakes.ts';
import { Failure } from '../failure.ts';
import { findNotAllowed } from './allow-list.ts';
import { type AppJson, appJsonSchema } from './app-json-schema.ts';

const known = ['env', 'formation', 'healthchecks', 'environments', 'hawser'];
const describing = [
  ...[
    'name',
    'description',
    'keywords',
    'website',
    'repository',
    'logo',
    'success_url',
    'stack',
    'image',
    '$schema',
  ],
];
const withoutEffect = ['scripts', 'cron', 'addons', 'buildpacks'];

/**
 * app.json, checked whole. Throws `config_parse_error` with line and column, `not_allowed_in_manifest`, or
 * `manifest_invalid` with every mistake a line.
 */
export function parseAppJson(text: string): { written: AppJson; warnings: string[] } {
  const document = parseJsonFile(text, 'app.json');
  const tree = document.value;
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
    throw new Failure('manifest_invalid', 'app.json must hold one object { … }');
  }
  const { hawser } = tree as { hawser?: unknown };
  const notAllowed = findNotAllowed(hawser);
  if (notAllowed) {
    throw new Failure(
      'not_allowed_in_manifest',
      `app.json asks for ${formatPath(notAllowed)}, which no app may have`,
    );
  }
  const parsed = appJsonSchema.safeParse(tree);
  const mistakes = [
    ...document.duplicates.map(({ path, first, again }) => ({
      path,
      message: `duplicate key ${JSON.stringify(path.at(-1))}`,
      hint: `on line ${first.line} and again on line ${again.line}`,
    })),
    ...(parsed.success ? [] : listSchemaMistakes(parsed.error.issues, appJsonSchema)),
  ];
  if (!parsed.success || mistakes.length > 0) {
    const lines = formatMistakes(mistakes, document).map((line) => `  ${line}`);
    throw new Failure('manifest_invalid', `app.json:\n${lines.join('\n')}`);
  }
  return { written: parsed.data, warnings: listUnknownKeys(tree as Record<string, unknown>) };
}

function listUnknownKeys(tree: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(tree).flatMap((key) => {
    if (known.includes(key) || describing.includes(key) || key.startsWith('x-')) return [];
    const shown = JSON.stringify(key.slice(0, 60));
    return withoutEffect.includes(key)
      ? [`app.json: ${shown} has no effect in this version`]
      : [`app.json: unknown key ${shown} is left out`];
  });
}
