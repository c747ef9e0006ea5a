import type { Command } from 'commander';
import { openKeyboard } from './keyboard.ts';
import { openProgram } from './run.ts';
import { openSession } from './session.ts';
import { openTerminal } from './terminal.ts';

/** docs/commands.md, from the commands themselves. */
export async function describeCommands(): Promise<string> {
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  const terminal = openTerminal({ ...streams, noColor: '1' });
  const program = await openProgram(
    openSession({ argv: [], env: {}, cwd: '/', terminal, keyboard: openKeyboard(streams, {}) }),
    '0',
    streams,
  );
  const commands = program.commands.filter((command) => command.name() !== 'completion:words');
  return [
    ...introduction,
    '| command | what it does |',
    '| --- | --- |',
    ...commands.map(
      (command) => `| [\`${command.name()}\`](#${anchorOf(command)}) | ${command.description()} |`,
    ),
    '',
    ...commands.flatMap(describeCommand),
  ].join('\n');
}

const introduction = [
  '# Commands',
  '',
  '`hawser noun:verb`. From a checkout: `npx hawser …`. On the machine of the server it speaks over the socket in the data',
  'folder, which only its owner can open, and needs no login. `HAWSER_URL` and `HAWSER_TOKEN` reach a server elsewhere;',
  '`--config FILE` picks the installation of a file and wins over them.',
  '',
  'Where an app is needed, `-a` names it; without it, it is the one whose git remote the folder has. Where an environment',
  'is needed, `-e` names it; without it, it is `production`, or the only one.',
  '',
  'Data goes to stdout, talk to stderr. On a terminal lists are aligned under a heading; in a pipe they are lines with tabs',
  'between the columns. What is waited for moves on a terminal only. `--json` prints the whole answer. `NO_COLOR` and',
  '`TERM=dumb` are honoured.',
  '',
  '| exit code | means |',
  '| --- | --- |',
  '| 0 | done, or it was so already (`already_live`) |',
  '| 1 | failed, or the deploy did not go live |',
  '| 2 | wrong usage |',
  '| 3 | not allowed |',
  '| 4 | not found |',
  '| 5 | the Hawser server, or one of its servers, is out of reach |',
  '| 130 | Ctrl-C; a deploy that was watched goes on |',
  '',
  'Errors have a code ([all of them](errors.md)) and a next step. This page is made from the commands by `npm run docs`.',
  '',
];

function describeCommand(command: Command): string[] {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  const rows = [
    ...command.registeredArguments.map(
      (argument) => `| \`${argument.name()}\` | ${escapeCell(argument.description)} |`,
    ),
    ...command.options.map(
      (option) => `| \`${escapeCell(option.flags)}\` | ${escapeCell(option.description)} |`,
    ),
  ];
  return [
    `## ${command.name()}`,
    '',
    `\`hawser ${[command.name(), ...words].join(' ')}\`: ${command.description()}.`,
    '',
    ...(rows.length === 0 ? [] : ['| | |', '| --- | --- |', ...rows, '']),
  ];
}

function anchorOf(command: Command): string {
  return command.name().replaceAll(':', '');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
