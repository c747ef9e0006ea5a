import { toPlain } from '../../model/plain-text.ts';
import { appAddress } from '../addresses.ts';
import type { Page } from '../answers.ts';
import type { WebhookAnswer, WebhookInfoAnswer } from '../answers-outside.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withAppAlone, withJson } from '../command.ts';
import type { CommonOptions } from '../session.ts';
import { firstLine, orDash, shortCommit, time } from '../words.ts';

type AddOptions = {
  readonly from: string;
  readonly repo: string;
  readonly branch?: string[];
  readonly token?: boolean;
  readonly poll?: string;
};

export const addWebhookCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  const addressOf = async (client: Client, options: CommonOptions, id?: string) => {
    const webhooks = `${appAddress(await session.findApp(client, options))}/webhooks`;
    return id === undefined ? webhooks : `${webhooks}/${encodeURIComponent(id)}`;
  };
  withJson(withAppAlone(program.command('webhooks')))
    .description('list the webhooks through which forges deploy an app')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const path = await addressOf(client, options);
      const { items } = await client.ask<Page<WebhookAnswer>>(path);
      if (options.json) return terminal.printJson(items);
      terminal.printTable(
        ['ID', 'FORGE', 'REPOSITORY', 'BRANCHES', 'MADE', 'BY'],
        items.map((item) => [
          ...[item.id, item.forge, toPlain(item.repository), orDash(toPlain(item.branches.join(' ')))],
          ...[time(item.createdAt), item.createdBy],
        ]),
      );
    });

  withJson(withAppAlone(program.command('webhooks:add')))
    .requiredOption('--from <forge>', 'github, gitlab, gitea (and Forgejo), bitbucket or generic')
    .requiredOption('--repo <url>', 'what is fetched: https://… or ssh://… (git@host:owner/name.git)')
    .option('--branch <name...>', 'only these; all that an environment takes without it')
    .option('--token', 'read a token of the forge from standard input, to fetch over https with it')
    .option('--poll <time>', 'also look by itself this often, like 5m: for servers that no forge reaches')
    .description('make a webhook and print its URL and its secret, this once')
    .action(async (_options, command) => {
      const options = optionsOf<AddOptions>(command);
      const { from: forge, repo: repository, branch: branches = [], poll } = options;
      const token = options.token ? (await terminal.readInput()).trim() : undefined;
      const client = session.open(options);
      const path = await addressOf(client, options);
      const body = {
        ...{ forge, repository, branches },
        ...(token === undefined ? {} : { token }),
        ...(poll === undefined ? {} : { poll }),
      };
      const made = await client.ask<WebhookAnswer & { secret: string }>(path, { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.url);
      terminal.print(made.secret);
      terminal.say(`Give both to ${made.forge}: the URL for push events as JSON, and the secret.`);
      terminal.say('The secret is not shown again.');
      if (made.repository.startsWith('ssh:')) {
        terminal.say(`A key that may fetch the repository: hawser webhooks:key ${made.id}`);
      }
    });

  withJson(withAppAlone(program.command('webhooks:info')))
    .argument('<id>', 'of the webhook')
    .description('show a webhook and what became of what it was told last')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const path = await addressOf(client, options, id);
      const found = await client.ask<WebhookInfoAnswer>(path);
      if (options.json) return terminal.printJson(found);
      terminal.say(`${found.url} (${found.forge}) fetches ${toPlain(found.repository)}`);
      if (found.publicKey !== null) terminal.say(toPlain(found.publicKey));
      terminal.printTable(
        ['TIME', 'REF', 'COMMIT', 'STATE', 'TRIES', 'DEPLOY', 'WHY'],
        found.pushes.map((push) => [
          ...[time(push.receivedAt), toPlain(push.ref), shortCommit(push.commit), push.state],
          ...[String(push.attempts), orDash(push.deploy), firstLine(push.detail)],
        ]),
      );
    });

  withJson(withAppAlone(program.command('webhooks:key')))
    .argument('<id>', 'of the webhook')
    .description('make a key that fetches over SSH, and print its public half for the forge')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const path = `${await addressOf(client, options, id)}/key`;
      const made = await client.ask<{ id: string; publicKey: string }>(path, { method: 'POST' });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.publicKey);
      terminal.say('Add it at the forge as a deploy key that may read. An older one is used no more.');
    });

  withJson(withAppAlone(program.command('webhooks:remove')))
    .argument('<id>', 'of the webhook')
    .description('remove a webhook: the forge is refused from then on')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const path = await addressOf(client, options, id);
      const gone = await client.ask<{ id: string }>(path, { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`Removed ${gone.id}.`);
    });
};
