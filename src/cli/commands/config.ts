import type { Command } from 'commander';
import { Failure } from '../../failure.ts';
import type { Page } from '../answers.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { formatDotenv, parseDotenv } from '../dotenv.ts';
import { performChange, withChange } from '../follow-change.ts';
import { readText } from '../read-text.ts';
import { readVariables } from '../read-variables.ts';
import type { CommonOptions, Session } from '../session.ts';
import { clean } from '../words.ts';

type VariableAnswer = {
  readonly name: string;
  readonly value: string | null;
  readonly source: 'set' | 'app.json';
};
type ConfigAnswer = Page<VariableAnswer> & { readonly env: string; readonly hidden: boolean };

export const addConfigCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('config')))
    .description('the variables of an environment; values only for who has the right config:read')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const answer = await readConfig(session, options);
      if (options.json) return terminal.printJson(answer.items);
      terminal.printTable(['NAME', 'VALUE', 'FROM'], answer.items.map(describeRow));
      if (answer.hidden) terminal.say('Values are shown to those who have the right "config:read".');
    });

  withChange(program.command('config:set'))
    .argument('<variables...>', 'NAME=VALUE; NAME=- takes the value from stdin, NAME=@FILE from a file')
    .description('set variables, as a new release without a build')
    .action(async (words: string[], _options, command) =>
      performChange(session, command, 'config', { vars: await readVariables(words, terminal) }),
    );

  withJson(withApp(program.command('config:get')))
    .argument('<name>', 'of the variable')
    .description('print the value of one variable')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const answer = await readConfig(session, options);
      const found = answer.items.find((item) => item.name === name);
      if (found === undefined) {
        throw new Failure('variable_not_set', `${JSON.stringify(name)} is not set in ${answer.env}.`);
      }
      if (options.json) return terminal.printJson(found);
      terminal.print(needValue(found));
    });

  withChange(program.command('config:unset'))
    .argument('<names...>', 'of the variables')
    .description('take variables away, as a new release without a build')
    .action((names: string[], _options, command) =>
      performChange(session, command, 'config', {
        vars: Object.fromEntries(names.map((name) => [name, null])),
      }),
    );

  withChange(program.command('config:import'))
    .argument('<file>', 'in the format of dotenv; - for stdin')
    .description('set all variables of a file, as one release')
    .action(async (file: string, _options, command) => {
      const vars = parseDotenv(await readText(file, terminal));
      await performChange(session, command, 'config', { vars });
    });

  withApp(program.command('config:export'))
    .description('print what is set in the format of dotenv, without what app.json brings')
    .action(async (_options, command: Command) => {
      const { items } = await readConfig(session, optionsOf(command));
      for (const item of items) {
        if (item.source === 'set') terminal.print(formatDotenv(item.name, needValue(item)));
      }
    });
};

async function readConfig(session: Session, options: CommonOptions): Promise<ConfigAnswer> {
  const client = session.open(options);
  const app = await session.findApp(client, options);
  const query = { env: options.env };
  return client.ask<ConfigAnswer>(`/apps/${encodeURIComponent(app)}/config`, { query });
}

function needValue({ name, value }: VariableAnswer): string {
  if (value !== null) return value;
  throw new Failure(
    'not_allowed',
    `The value of ${name} is shown to those who have the right "config:read".`,
  );
}

function describeRow({ name, value, source }: VariableAnswer): string[] {
  return [name, value === null ? '(hidden)' : clean(value.replaceAll('\n', '\\n')), source];
}
