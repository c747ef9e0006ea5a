import { rights } from '../../model/access.ts';
import type { Page, TokenAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { credentialHeading, describeCredential, describeWish, parseDays } from '../credential.ts';

type Created = TokenAnswer & { readonly token: string; readonly remote: string | null };
type CreateOptions = { name?: string; can?: string; days?: string };

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
    .option('--can <rights>', `${rights.join(', ')}; with commas between them`, 'push')
    .option('--days <number>', 'how long it is valid, or "never"', '90')
    .description('make a token and print it, this once')
    .action(async (_options, command) => {
      const options = optionsOf<CreateOptions>(command);
      const body = {
        ...describeWish(options),
        ...(options.name === undefined ? {} : { name: options.name }),
        days: parseDays(options.days ?? '90'),
      };
      const made = await session.open(options).ask<Created>('/tokens', { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.token);
      terminal.say(`It can ${made.rights.join(', ')} on ${made.app ?? 'all apps'} ${until(made)}.`);
      terminal.say('It is not shown again. git push asks for it as the password:');
      terminal.say(`git remote add hawser ${made.remote ?? 'URL-OF-THE-APP (hawser apps:info)'}`);
      terminal.say('git push hawser main');
    });

  program
    .command('tokens:revoke')
    .argument('<id-or-name>', 'of the token')
    .description('make a token worthless at once')
    .action(async (token: string, _options, command) => {
      const path = `/tokens/${encodeURIComponent(token)}`;
      const gone = await session.open(optionsOf(command)).ask<TokenAnswer>(path, { method: 'DELETE' });
      terminal.say(`Revoked ${gone.id} (${gone.name}).`);
    });
};

function until({ expiresAt }: TokenAnswer): string {
  return expiresAt === null ? 'for ever' : `until ${expiresAt.slice(0, 10)}`;
}
