import { writeFileSync } from 'node:fs';
import { describeCommands } from '../src/cli/describe.ts';
import { describeConfig } from '../src/config/json-schema.ts';
import { failureCatalogue } from '../src/failure-catalogue.ts';

/** Files of this folder that are made from the code; a test compares them with what is checked in. */
export const generated = {
  'schema/deploy.config.schema.json': () => `${JSON.stringify(describeConfig(), null, 2)}\n`,
  'errors.md': () => describeErrors(),
  'commands.md': () => describeCommands(),
};

function describeErrors(): string {
  const rows = Object.entries(failureCatalogue)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { status, fix }]) => `| \`${code}\` | ${status} | ${escapeCell(fix)} |`);
  return [
    '# Errors',
    '',
    'Every error has a code. Codes never change their meaning. The API answers with a problem document (RFC 9457)',
    'whose `code` is the first column, and whose `fix` is the last. `git push` and the command line print both.',
    'An error without a code of its own is shown as `internal` with an id; the server logged its stack under that id.',
    '',
    'This page is made from `src/failure-catalogue.ts` by `npm run docs`.',
    '',
    '| code | HTTP status | next step |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

if (import.meta.main) {
  for (const [file, make] of Object.entries(generated)) {
    writeFileSync(new URL(file, import.meta.url), await make());
    console.log(`wrote docs/${file}`);
  }
}
