import { Failure } from '../../failure.ts';
import type { AddCommands } from '../command.ts';
import { performChange, withChange } from '../follow-change.ts';

export const addScaleCommands: AddCommands = (program, session) => {
  withChange(program.command('ps:scale'))
    .argument('<processes...>', 'TYPE=NUMBER, like web=3 worker=1; 0 stops all of a type')
    .description('say how many of each process run, over all servers')
    .action((words: string[], _options, command) => {
      const scale = Object.fromEntries(words.map(parseWord));
      if (scale.web === 0) {
        session.terminal.say(' !     web=0: nothing answers at its domains until web is scaled up again.');
      }
      return performChange(session, command, 'scale', { scale });
    });

  withChange(program.command('ps:restart'))
    .description('replace every container by a fresh one, without a failed request')
    .action((_options, command) => performChange(session, command, 'restart', {}));

  withChange(program.command('ps:stop'))
    .argument('[types...]', 'process types, like web; all without one')
    .description('stop processes and keep their numbers; a stopped web answers with a page')
    .action((types: string[], _options, command) => performChange(session, command, 'stop', namesOf(types)));

  withChange(program.command('ps:start'))
    .argument('[types...]', 'process types, like web; all that are stopped without one')
    .description('start stopped processes in the numbers that they had')
    .action((types: string[], _options, command) => performChange(session, command, 'start', namesOf(types)));
};

function namesOf(types: readonly string[]): { processes?: readonly string[] } {
  return types.length === 0 ? {} : { processes: types };
}

function parseWord(word: string): [string, number] {
  const [, type, count] = /^([a-z][a-z0-9-]*)=(\d{1,4})$/.exec(word) ?? [];
  if (type !== undefined && Number(count) <= 100) return [type, Number(count)];
  throw new Failure('wrong_usage', `${JSON.stringify(word)} is not TYPE=NUMBER with a number of 0 to 100.`, {
    fix: 'hawser ps:scale web=3 worker=1',
  });
}
