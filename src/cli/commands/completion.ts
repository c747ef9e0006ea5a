import { Argument } from 'commander';
import { Failure } from '../../failure.ts';
import type { AppAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf } from '../command.ts';
import { type Completion, completeWords, findShell, formatScript, startingWith } from '../completion.ts';
import type { CommonOptions, Session } from '../session.ts';

const patienceMs = 2_000;

export const addCompletionCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .description('print what makes the tab key complete commands, options, apps and environments')
    .action((name: string) => {
      const shell = findShell(name);
      if (shell === undefined)
        throw new Failure('wrong_usage', 'There is completion for bash, zsh and fish.');
      terminal.print(formatScript(shell).trimEnd());
    });

  program
    .command('completion:words', { hidden: true })
    .argument('[words...]', 'those behind hawser, the last one as far as it is typed')
    .description('what can stand there, for the shells')
    .action(async (words: string[], _options, command) => {
      const found = completeWords(program, words);
      const asked = await askNames(session, found, optionsOf(command));
      for (const word of [...found.words, ...startingWith(asked, words.at(-1) ?? '')]) terminal.print(word);
    });
};

/** Names that only the server knows; none when it does not answer at once, or one may not see any. */
async function askNames(
  session: Session,
  { ask, app }: Completion,
  options: CommonOptions,
): Promise<string[]> {
  if (ask === null) return [];
  const read = async () => {
    const { items } = await session.open(options).ask<Page<AppAnswer>>('/apps');
    if (ask === 'apps') return items.map(({ name }) => name);
    const meant = items.filter(({ name }) => app === null || name === app);
    return [...new Set(meant.flatMap(({ environments }) => environments.map(({ name }) => name)))];
  };
  const late = Promise.withResolvers<string[]>();
  const timer = setTimeout(() => late.resolve([]), patienceMs);
  try {
    // Whatever is wrong, a tab is no place for it.
    return await Promise.race([read().catch(() => []), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
