import { rights } from '../../model/access.ts';
import type { Page, TokenAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { collect, credentialHeading, describeCredential, describeWish, parseExpiry } from '../credential.ts';

type Created = TokenAnswer & { readonly token: string; readonly remote: string | null };
type CreateOptions = { name?: string; right?: string[]; expires?: string };

export const addTokenCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('tokens'))
    .description('list the tokens')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<TokenAnswer>>('/tokens');
      if (options.json) return terminal.printJson(items);
      terminal.printTable(credentialHeading, items.map(describeCredential));
    });

  withJson(program.command('tokens:create'))
    .option('-a, --app <name>', 'for this app only; all apps without it')
    .option('--name <name>', 'what it is for')
    .option('-e, --env <name>', 'in this environment only; in all of them without it')
    .option('--right <rights>', `${rights.join(', ')}; push without it`, collect)
    .option('--expires <when>', 'a number of days, a day like 2027-01-31, or never', '90')
    .description('make a token and print it, this once')
    .action(async (_options, command) => {
      const options = optionsOf<CreateOptions>(command);
      const body = {
        ...describeWish(options),
        ...(options.name === undefined ? {} : { name: options.name }),
        days: parseExpiry(options.expires ?? '90', new Date()),
      };
      const made = await session.open(options).ask<Created>('/tokens', { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.token);
      terminal.say(
        `It can ${made.rights.join(', ')} on ${made.app ?? 'all apps'}${made.env === null ? '' : ` in ${made.env}`} ${until(made)}.`,
      );
      terminal.say('It is not shown again. git push asks for it as the password:');
      terminal.say(`git remote add hawser ${made.remote ?? 'URL-OF-THE-APP (hawser apps:info)'}`);
      terminal.say('git push hawser main');
    });

  withJson(program.command('tokens:revoke'))
    .argument('<id-or-name>', 'of the token')
    .description('make a token worthless at once')
    .action(async (token: string, _options, command) => {
      const path = `/tokens/${encodeURIComponent(token)}`;
      const options = optionsOf(command);
      const gone = await session.open(options).ask<TokenAnswer>(path, { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`Revoked ${gone.id} (${gone.name}).`);
    });
};

function until({ expiresAt }: TokenAnswer): string {
  return expiresAt === null ? 'for ever' : `until ${expiresAt.slice(0, 10)}`;
}
