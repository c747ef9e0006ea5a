import type { Command } from 'commander';
import type { CommonOptions, Session } from './session.ts';

/** Adds commands to the program; each file of commands has one. */
export type AddCommands = (program: Command, session: Session) => void;

/** The option of everything that speaks of one app. */
export function withAppAlone(command: Command): Command {
  return command.option('-a, --app <name>', 'the app; taken from the git remote of this folder without it');
}

/** The options that are on everything which speaks of an app and its environments. */
export function withApp(command: Command): Command {
  return withAppAlone(command).option(
    '-e, --env <name>',
    'the environment; production, or the only one, without it',
  );
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print the whole answer as JSON');
}

/** All options of a command, those of the program too. */
export function optionsOf<T extends object>(command: Command): CommonOptions & T {
  return command.optsWithGlobals();
}
