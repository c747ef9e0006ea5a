import { appAddress } from '../addresses.ts';
import type { Page } from '../answers.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { performChange, withChange } from '../follow-change.ts';

type DomainAnswer = { readonly domain: string; readonly default: boolean };

export const addDomainCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('domains')))
    .description('the domains of an environment')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const query = { env: options.env };
      const path = `${appAddress(app)}/domains`;
      const { items } = await client.ask<Page<DomainAnswer>>(path, { query });
      if (options.json) return terminal.printJson(items);
      terminal.printTable(
        ['DOMAIN', 'WHOSE'],
        items.map((item) => [item.domain, item.default ? 'default' : 'added']),
      );
    });

  for (const [verb, isAdded, description] of verbs) {
    withChange(program.command(`domains:${verb}`))
      .argument('<domains...>', 'like shop.example.com or *.shop.example.com')
      .description(description)
      .action((names: string[], _options, command) =>
        performChange(session, command, 'domains', {
          domains: Object.fromEntries(names.map((name) => [name, isAdded])),
        }),
      );
  }
};

const verbs = [
  ['add', true, 'let an environment answer at more domains'],
  ['remove', false, 'take domains away from an environment, the default one too'],
] as const;
