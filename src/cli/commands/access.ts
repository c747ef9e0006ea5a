import { roleNames } from '../../model/access.ts';
import { appAddress } from '../addresses.ts';
import type { Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';

type AccessAnswer = {
  readonly user: string;
  readonly app: string | null;
  readonly env: string | null;
  readonly role: string;
};
type Me = {
  readonly name: string;
  readonly kind: string;
  readonly grants: readonly {
    readonly app: string | null;
    readonly env: string | null;
    readonly rights: string[];
  }[];
};

// Without --app all apps are meant, not the app of the folder: a right is given on purpose.
const pathOf = (app: string | undefined) => (app === undefined ? '/access' : `${appAddress(app)}/access`);

export const addAccessCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('whoami'))
    .description('who you are to the server, and what you may')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const me = await session.open(options).ask<Me>('/me');
      if (options.json) return terminal.printJson(me);
      terminal.say(`${me.name} (${me.kind})`);
      const rows = me.grants.map(({ app, env, rights }) => [
        app ?? '(all)',
        env ?? '(all)',
        rights.join(','),
      ]);
      terminal.printTable(['APP', 'ENV', 'RIGHTS'], rows);
    });

  withJson(program.command('access'))
    .option('-a, --app <name>', 'on this app; everywhere without it')
    .description('list who has which role where')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<AccessAnswer>>(pathOf(options.app));
      if (options.json) return terminal.printJson(items);
      const rows = items.map(({ user, app, env, role }) => [user, app ?? '(all)', env ?? '(all)', role]);
      terminal.printTable(['USER', 'APP', 'ENV', 'ROLE'], rows);
    });

  withJson(program.command('access:grant'))
    .argument('<user>', 'who')
    .argument('<role>', roleNames.join(', '))
    .option('-a, --app <name>', 'on this app; on all of them without it')
    .option('-e, --env <name>', 'in this environment; in all of them without it')
    .description('give a user a role, in place of the one that they had in exactly that place')
    .action(async (user: string, role: string, _options, command) => {
      const options = optionsOf(command);
      const { app, env } = options;
      const body = { user, role, ...(env === undefined ? {} : { env }) };
      const given = await session.open(options).ask<AccessAnswer>(pathOf(app), { method: 'POST', body });
      if (options.json) return terminal.printJson(given);
      terminal.say(`${user} is ${role} of ${describePlace(given)}.`);
    });

  withJson(program.command('access:revoke'))
    .argument('<user>', 'who')
    .option('-a, --app <name>', 'on this app; what was given on all of them without it')
    .option('-e, --env <name>', 'in this environment; what was given in all of them without it')
    .description('take a role away that was given in exactly that place; an owner is no owner any more')
    .action(async (user: string, _options, command) => {
      const options = optionsOf(command);
      const path = `${pathOf(options.app)}/${encodeURIComponent(user)}`;
      const client = session.open(options);
      const gone = await client.ask<AccessAnswer>(path, { method: 'DELETE', query: { env: options.env } });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`${user} has no role of their own on ${describePlace(gone)} any more.`);
    });
};

function describePlace({ app, env }: Pick<AccessAnswer, 'app' | 'env'>): string {
  return `${app ?? 'all apps'}${env === null ? '' : ` in ${env}`}`;
}
