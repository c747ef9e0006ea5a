import type { Command } from 'commander';
import { appAddress } from '../addresses.ts';
import { followAttached } from '../attached-run.ts';
import { type AddCommands, optionsOf, withApp } from '../command.ts';
import { chooseScreen, readTimeout, splitProcess } from '../run-options.ts';

type ExecOptions = {
  readonly timeout: string;
  readonly tty?: boolean;
  /** False when it is not to be read. */
  readonly stdin: boolean;
};

export const addExecCommands: AddCommands = (program, session) => {
  withApp(program.command('ps:exec'))
    .argument(
      '<words...>',
      'a process like web.2 (the first web that runs without it), and the command behind --',
    )
    .option('-t, --tty', 'on a terminal, as it is without this when stdin and stdout are one')
    .option('--no-tty', 'without a terminal')
    .option('--timeout <duration>', 'end it after this time: 30s, 10m, 24h at most', '24h')
    .option('--no-stdin', 'do not read stdin')
    .description('a command in a container that runs already')
    .usage('[options] [PROCESS] -- COMMAND [ARGUMENT...]')
    .action(async (words: string[], _options, command: Command) => {
      const options = optionsOf<ExecOptions>(command);
      const { stdin: input, tty, env } = options;
      const asked = splitProcess(words, session.argv);
      const screen = chooseScreen(session, {
        ...(tty === undefined ? {} : { tty }),
        ...(input ? {} : { stdin: false }),
      });
      const body = {
        ...(env === undefined ? {} : { env }),
        ...(asked.process === null ? {} : { process: asked.process }),
        ...{ command: asked.command, timeoutSeconds: readTimeout(options.timeout) },
      };
      const client = session.open(options);
      const app = appAddress(await session.findApp(client, options));
      return followAttached(session, client, { app, path: '/exec', body, screen, input });
    });
};
