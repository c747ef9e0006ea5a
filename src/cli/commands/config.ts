import type { Command } from 'commander';
import { Failure } from '../../failure.ts';
import { toPlain } from '../../model/plain-text.ts';
import { appAddress } from '../addresses.ts';
import type { Page } from '../answers.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { formatDotenv, parseDotenv } from '../dotenv.ts';
import { performChange, withChange } from '../follow-change.ts';
import { readText } from '../read-text.ts';
import { readVariables } from '../read-variables.ts';
import type { CommonOptions, Session } from '../session.ts';

type VariableAnswer = {
  readonly name: string;
  readonly value: string | null;
  readonly source: 'set' | 'app.json' | 'outside';
  readonly outside: { readonly file: string } | { readonly env: string } | null;
};
type SetOptions = { readonly allowEmpty?: boolean; readonly fromFile?: string; readonly fromEnv?: string };
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
    .option('--allow-empty', 'take an empty value from stdin or a file')
    .option(
      '--from-file <path>',
      'NAME alone: read it from this file of the control machine for every release',
    )
    .option('--from-env <variable>', "NAME alone: read it from Hawser's own environment for every release")
    .description('set variables, as a new release without a build')
    .action(async (words: string[], _options, command) => {
      const options = optionsOf<SetOptions>(command);
      const vars = planOutside(words, options) ?? (await readVariables(words, terminal, options));
      await performChange(session, command, 'config', { vars });
    });

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
        if (item.source === 'outside') terminal.say(`${item.name} is left out: ${describeOutside(item)}.`);
        if (item.source === 'set') terminal.print(formatDotenv(item.name, needValue(item)));
      }
    });
};

async function readConfig(session: Session, options: CommonOptions): Promise<ConfigAnswer> {
  const client = session.open(options);
  const app = await session.findApp(client, options);
  const query = { env: options.env };
  return client.ask<ConfigAnswer>(`${appAddress(app)}/config`, { query });
}

/** A variable that is read on the control machine; undefined when neither option says so. Throws `wrong_usage`. */
function planOutside(words: readonly string[], { fromFile, fromEnv }: SetOptions) {
  if (fromFile === undefined && fromEnv === undefined) return undefined;
  const [name = '', ...more] = words;
  if (more.length > 0 || name.includes('=') || (fromFile !== undefined && fromEnv !== undefined)) {
    throw new Failure('wrong_usage', 'One name of a variable and one place are needed.', {
      fix: 'hawser config:set NAME --from-file /path, or hawser config:set NAME --from-env VARIABLE',
    });
  }
  return { [name]: fromFile === undefined ? { env: fromEnv } : { file: fromFile } };
}

function describeOutside({ outside }: VariableAnswer): string {
  if (outside === null) return 'it is read on the control machine';
  return 'file' in outside
    ? `it is read from the file ${outside.file} of the control machine`
    : `it is read from ${outside.env} of Hawser's environment`;
}

function needValue(item: VariableAnswer): string {
  const { name, value, source } = item;
  if (value !== null) return value;
  if (source === 'outside')
    throw new Failure('value_outside', `${name} is not shown: ${describeOutside(item)}.`);
  throw new Failure(
    'not_allowed',
    `The value of ${name} is shown to those who have the right "config:read".`,
  );
}

function describeRow({ name, value, source, outside }: VariableAnswer): string[] {
  if (outside !== null) return [name, '(read for each release)', describePlace(outside)];
  return [name, value === null ? '(hidden)' : toPlain(value.replaceAll('\n', '\\n')), source];
}

function describePlace(outside: { readonly file: string } | { readonly env: string }): string {
  return toPlain('file' in outside ? `file ${outside.file}` : `env ${outside.env}`);
}
