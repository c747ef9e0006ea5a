import { rights } from '../../model/access.ts';
import type { KeyAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { collect, credentialHeading, describeCredential, describeWish, parseExpiry } from '../credential.ts';
import { readText } from '../read-text.ts';

type AddOptions = { right?: string[]; expires?: string; deployKey?: boolean };

export const addKeyCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('keys'))
    .description('list the SSH keys that are let in')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<KeyAnswer>>('/keys');
      if (options.json) return terminal.printJson(items);
      const rows = items.map((key) => [...describeCredential(key), key.fingerprint]);
      terminal.printTable([...credentialHeading, 'FINGERPRINT'], rows);
    });

  withJson(program.command('keys:add'))
    .argument('<name>', 'whose it is, or which machine it is on')
    .argument('[file]', 'the .pub file that ssh-keygen made; - for stdin', '-')
    .option('-a, --app <name>', 'for this app only; all apps without it')
    .option('-e, --env <name>', 'in this environment only; in all of them without it')
    .option('--right <rights>', `${rights.join(', ')}; all that you may without it`, collect)
    .option('--deploy-key', 'of the app and of nobody; it may read, or with --right push')
    .option('--expires <when>', 'a number of days, a day like 2027-01-31, or never', 'never')
    .description('let the holder of a public key in over SSH')
    .action(async (name: string, file: string, _options, command) => {
      const options = optionsOf<AddOptions>(command);
      const days = parseExpiry(options.expires ?? 'never', new Date());
      const key = await readText(file, terminal);
      const body = { ...describeWish(options), name, key, days, deployKey: options.deployKey ?? false };
      const added = await session.open(options).ask<KeyAnswer>('/keys', { method: 'POST', body });
      if (options.json) return terminal.printJson(added);
      terminal.print(added.id);
      terminal.say(`${added.fingerprint} can ${added.rights.join(', ')} on ${added.app ?? 'all apps'}.`);
    });

  withJson(program.command('keys:remove'))
    .argument('<id-or-fingerprint>', 'of the key')
    .description('let the holder of a key in no more')
    .action(async (key: string, _options, command) => {
      const path = `/keys/${encodeURIComponent(key)}`;
      const options = optionsOf(command);
      const gone = await session.open(options).ask<KeyAnswer>(path, { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`Removed ${gone.id} (${gone.name}, ${gone.fingerprint}).`);
    });
};
