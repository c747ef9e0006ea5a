import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openApiWorld } from '../support/api-world.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** A line each, and what is offered at its end. */
const lines = {
  'hawser deploys:a': ['deploys:abort', 'deploys:attach'],
  'hawser deploys --li': ['--limit'],
  'hawser logs -a ': ['shop'],
  'hawser logs -a shop -e p': ['production'],
  'hawser completion ': ['bash', 'fish', 'zsh'],
  'hawser help maint': ['maintenance:off', 'maintenance:on'],
};

/** Sources what `hawser completion bash` prints and asks the function as bash does at a tab. */
const askBash = `
eval "$(hawser completion bash)"
for COMP_LINE in "$@"; do
  COMP_POINT=\${#COMP_LINE}
  COMPREPLY=()
  _hawser
  echo "\${COMPREPLY[*]}"
done
`;

const askFish = `
hawser completion fish | source
for line in $argv
  complete -C $line | string join ' '
end
`;

/** In a pseudo-terminal: the line is typed, then a tab; what zsh takes of what it is offered is written down. */
const askZsh = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -u -D; eval "$(hawser completion zsh)"'
zpty -w shell 'compadd() { builtin compadd -O taken "$@"; builtin compadd "$@" }'
zpty -w shell 'write() { print -r -- "$taken" >> '$ZDOTDIR/taken'; taken=(); BUFFER= }; zle -N write; bindkey "^T" write'
for line in "$@"; do zpty -w -n shell "$line"$'\\t\\x14'; done
zpty -w shell exit
while zpty -r shell; do :; done
`;

async function open(t: TestContext) {
  const world = await openApiWorld(t);
  const folder = mkdtempSync(join(tmpdir(), 'hawser-tab-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const command = join(folder, 'hawser');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(command, 0o755);
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    HOME: folder,
    ZDOTDIR: folder,
    HAWSER_URL: world.url,
    HAWSER_TOKEN: await world.makeToken(null, 'read'),
  };
  return {
    taken: () => readFileSync(join(folder, 'taken'), 'utf8'),
    ask: async (asked: readonly string[], file: string, ...argv: string[]) =>
      (await run(file, [...argv, ...asked], { env, cwd: folder, timeout: 120_000 })).stdout,
  };
}

const offered = Object.values(lines).map((words) => words.join(' '));
/** One of each kind. */
const few = [0, 2, 3, 4];
const fewLines = few.map((at) => Object.keys(lines)[at] ?? '');
const fewOffered = few.map((at) => offered[at]);

test('bash completes commands, options, and the names that the server knows', async (t) => {
  const { ask } = await open(t);
  // A colon begins a word of its own for bash.
  const words = offered.map((text, at) => (at === 0 ? text.replaceAll('deploys:', '') : text));
  const said = await ask(Object.keys(lines), 'bash', '-c', askBash, 'bash');
  assert.deepEqual(said.trimEnd().split('\n'), words);
});

test('fish completes the same', async (t) => {
  const { ask } = await open(t);
  const said = await ask(fewLines, 'fish', '--no-config', '-c', askFish);
  assert.deepEqual(said.trimEnd().split('\n'), fewOffered);
});

test('zsh completes the same', async (t) => {
  const { ask, taken } = await open(t);
  await ask(fewLines, 'zsh', '-f', '-c', askZsh, 'zsh');
  assert.deepEqual(taken().trimEnd().split('\n'), fewOffered);
});
