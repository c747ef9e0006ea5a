import type { SecretsAnswer } from '../answers-outside.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import type { Session } from '../session.ts';

export const addSecretsCommands: AddCommands = (program, session) => {
  withJson(program.command('secrets'))
    .description('under which keys values are sealed, and where the master key is')
    .action((_options, command) => show(session, command, { path: '/secrets' }));

  withJson(program.command('secrets:rotate'))
    .description('make new keys and seal everything anew; older master keys are kept until secrets:retire')
    .action((_options, command) => show(session, command, { path: '/secrets/rotate', method: 'POST' }));

  withJson(program.command('secrets:retire'))
    .description('forget older master keys: what is sealed opens with the newest alone')
    .action((_options, command) => show(session, command, { path: '/secrets/retire', method: 'POST' }));
};

async function show(
  session: Session,
  command: Parameters<typeof optionsOf>[0],
  { path, method = 'GET' }: { readonly path: string; readonly method?: 'GET' | 'POST' },
): Promise<void> {
  const { terminal } = session;
  const options = optionsOf(command);
  const state = await session.open(options).ask<SecretsAnswer>(path, { method });
  if (options.json) return terminal.printJson(state);
  const [first = '', ...older] = state.masters;
  terminal.printTable(
    ['WHAT', ''],
    [
      ['master key', `${first}, ${state.file ?? 'from secrets.key'}`],
      ...older.map((id) => ['older master key', `${id}, until hawser secrets:retire`]),
      ['data key', String(state.dataKey)],
      ['sealed rows', `${state.sealed}, ${state.older} of them under an older data key`],
    ],
  );
  if (method === 'POST') terminal.say(whatNow(state));
}

function whatNow({ file, masters }: SecretsAnswer): string {
  if (file === null) return 'Take older keys away where the master key comes from once they are retired.';
  return masters.length > 1
    ? `Keep a copy of ${file}. Copies of before are good for older backups only, after hawser secrets:retire.`
    : `Keep a copy of ${file}.`;
}
