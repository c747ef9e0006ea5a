import { Command, CommanderError } from 'commander';
import { describeDone, describeError, type ExitCode, exitCodeOf, exitCodes } from './exit.ts';
import { openKeyboard } from './keyboard.ts';
import { openSession, type Session } from './session.ts';
import { allShelves, findShelves } from './shelves.ts';
import { openTerminal, type TerminalStreams } from './terminal.ts';

export type CommandLine = Omit<TerminalStreams, 'noColor' | 'isDumb'> & {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly version: string;
};

/** Runs one command line to its end and answers with its exit code; errors are told on stderr. */
export async function runCommandLine(line: CommandLine): Promise<number> {
  const { argv, env, cwd, version, ...streams } = line;
  const terminal = openTerminal({ ...streams, noColor: env.NO_COLOR, isDumb: env.TERM === 'dumb' });
  const session = openSession({ argv, env, cwd, terminal, keyboard: openKeyboard(streams, env) });
  try {
    const words = argv.length === 0 ? ['--help'] : [...argv];
    const program = await openProgramFor(words[0] ?? '', session, version, streams);
    await program.parseAsync(words, { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return tellUsage(session, error);
    for (const text of describeError(error)) terminal.say(text);
    const exitCode = exitCodeOf(error);
    // It has not failed, so a script reads its answer.
    if (exitCode === exitCodes.done && argv.includes('--json')) terminal.printJson(describeDone(error));
    return exitCode;
  }
}

/** With the command that is meant; with all of them when there is none of that name. */
async function openProgramFor(
  name: string,
  ...rest: [Session, string, Pick<CommandLine, 'stdout' | 'stderr'>]
): Promise<Command> {
  const few = findShelves(name);
  const program = await openProgram(...rest, few);
  const isThere = program.commands.some((command) => command.name() === name);
  return isThere || few === allShelves ? program : openProgram(...rest);
}

/** Every command; `docs/commands.md` is made from it. */
export async function openProgram(
  session: Session,
  version: string,
  streams: Pick<CommandLine, 'stdout' | 'stderr'>,
  shelves = allShelves,
): Promise<Command> {
  const adders = await Promise.all(shelves.map(({ load }) => load()));
  const program = describeProgram(version, streams);
  for (const add of adders) add(program, session);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

function describeProgram(version: string, streams: Pick<CommandLine, 'stdout' | 'stderr'>): Command {
  const program = new Command('hawser');
  program
    .description('git push to deploy, on your own servers')
    .version(version)
    .usage('NOUN[:VERB] [options]')
    .option('--config <file>', 'which installation; deploy.config.json of this folder without it')
    .helpCommand('help [command]', 'what a command does and takes')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      // Told in our own grammar, with a code and a next step.
      writeErr: () => undefined,
    });
  return program;
}

function tellUsage({ terminal }: Session, error: CommanderError): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const hint = rest.join(' ').replace(/^\((.*)\)$/, '$1');
  terminal.say(` !     ${message}`);
  terminal.say('       code: wrong_usage');
  terminal.say(`       fix: ${hint === '' ? 'hawser help COMMAND shows what it takes.' : hint}`);
  return exitCodes.wrongUsage;
}
