import type { Command, Option } from 'commander';

/** What can stand where the cursor is; `ask` names what only the server knows. */
export type Completion = {
  readonly words: readonly string[];
  readonly ask: 'apps' | 'environments' | null;
  /** The app that is named before, for its environments. */
  readonly app: string | null;
};

const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The shell of that name, or undefined. */
export function findShell(name: string): Shell | undefined {
  return shells.find((shell) => shell === name);
}

/** What can follow: `words` are those behind `hawser`, the last one as far as it is typed. Pure. */
export function completeWords(program: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const previous = before.at(-1) ?? '';
  const commands = program.commands.filter((command) => !isHidden(command));
  const command = commands.find((one) => before.includes(one.name()));
  const options = [...(command?.options ?? []), ...program.options];
  const app = readValue(before, ['-a', '--app']);
  const found = { words: [], ask: null, app };
  const opened = options.find((option) => takesValue(option) && isNamed(option, previous));
  if (opened?.long === '--app') return { ...found, ask: 'apps' };
  if (opened?.long === '--env') return { ...found, ask: 'environments' };
  if (opened !== undefined) return { ...found, words: startingWith(opened.argChoices ?? [], typed) };
  if (typed.startsWith('-')) return { ...found, words: startingWith(listFlags(options), typed) };
  const names = commands.map((one) => one.name());
  if (command === undefined) return { ...found, words: startingWith([...names, 'help'], typed) };
  if (previous === 'help') return { ...found, words: startingWith(names, typed) };
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  return { ...found, words: startingWith(choices, typed) };
}

export function startingWith(words: readonly string[], typed: string): string[] {
  return words.filter((word) => word.startsWith(typed)).toSorted();
}

function isHidden(command: Command): boolean {
  return command.name().startsWith('completion:');
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function isNamed({ short, long }: Option, word: string): boolean {
  return word !== '' && (word === short || word === long);
}

function listFlags(options: readonly Option[]): string[] {
  return ['--help', ...options.flatMap(({ long }) => long ?? [])];
}

function readValue(words: readonly string[], names: readonly string[]): string | null {
  const at = words.findLastIndex((word) => names.includes(word));
  return at === -1 ? null : (words[at + 1] ?? null);
}

/** The lines that a shell reads once: they ask `hawser completion:words` at every tab. Pure. */
export function formatScript(shell: Shell): string {
  return scripts[shell];
}

const scripts: Readonly<Record<Shell, string>> = {
  // Bash takes a colon for the end of a word: the line is split anew, and what it has of the word is cut off again.
  bash: `# eval "$(hawser completion bash)"
_hawser() {
  local line="\${COMP_LINE:0:COMP_POINT}" typed prefix
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *" " ]] && words+=("")
  typed="\${words[\${#words[@]}-1]}"
  mapfile -t COMPREPLY < <(hawser completion:words -- "\${words[@]:1}" 2>/dev/null)
  if [[ "$typed" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
    prefix="\${typed%:*}:"
    COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  fi
}
complete -F _hawser hawser
`,
  zsh: `# eval "$(hawser completion zsh)"
_hawser() {
  local -a found
  found=("\${(@f)$(hawser completion:words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -Q -- "\${(@)found:#}"
}
compdef _hawser hawser
`,
  fish: `# hawser completion fish | source
function __hawser_complete
  set -l words (commandline -opc)
  hawser completion:words -- $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c hawser -f -a '(__hawser_complete)'
`,
};
