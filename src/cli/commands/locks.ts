import { appAddress } from '../addresses.ts';
import type { LockAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withAppAlone, withJson } from '../command.ts';
import { time } from '../words.ts';

type LockOptions = { readonly message: string; readonly for?: string; readonly force?: boolean };

const envOption = ['-e, --env <name>', 'this environment only; the whole app without it'] as const;

export const addLockCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withAppAlone(program.command('apps:lock')).option(...envOption))
    .requiredOption('-m, --message <text>', 'why; everybody who is refused sees it')
    .option('--for <duration>', 'how long, like 2h; until it is unlocked without it')
    .option('--force', 'also over a lock of somebody else')
    .description('refuse every deploy of an app')
    .action(async (_options, command) => {
      const options = optionsOf<LockOptions>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const { env, message, force = false } = options;
      const body = { env, message, for: options.for, force };
      const lock = await client.ask<LockAnswer>(addressOf(app), { method: 'POST', body });
      if (options.json) return terminal.printJson(lock);
      const until = lock.expiresAt === null ? 'until it is unlocked' : `until ${time(lock.expiresAt)} UTC`;
      terminal.say(`${nameOf(app, env)} is locked ${until}: hawser apps:unlock -a ${app}${suffix(env)}`);
    });

  withJson(withAppAlone(program.command('apps:unlock')).option(...envOption))
    .description('take deploys of an app again')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const { env } = options;
      const answer = await client.ask<object>(addressOf(app), { method: 'DELETE', query: { env } });
      if (options.json) return terminal.printJson(answer);
      terminal.say(`${nameOf(app, env)} is unlocked.`);
    });
};

function addressOf(app: string): string {
  return `${appAddress(app)}/lock`;
}

function nameOf(app: string, env: string | undefined): string {
  return env === undefined ? app : `${app}/${env}`;
}

function suffix(env: string | undefined): string {
  return env === undefined ? '' : ` -e ${env}`;
}
