import type { Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { askSecrets } from '../secrets.ts';
import { time } from '../words.ts';

type UserAnswer = {
  readonly name: string;
  readonly state: string;
  readonly owner: boolean;
  readonly totp: boolean;
  readonly createdAt: string;
};
type Invited = UserAnswer & { readonly token: string; readonly expiresAt: string; readonly url: string };

export const addUserCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('users'))
    .description('list the users')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<UserAnswer>>('/users');
      if (options.json) return terminal.printJson(items);
      const rows = items.map(({ name, state, owner, totp, createdAt }) => [
        ...[name, state, owner ? 'owner' : '-', totp ? 'yes' : 'no', time(createdAt)],
      ]);
      terminal.printTable(['NAME', 'STATE', 'ROLE', 'TOTP', 'SINCE'], rows);
    });

  withJson(program.command('users:invite'))
    .argument('<name>', 'of the user')
    .description('make a user and print the one-time token with which they set their password')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const body = { name };
      const made = await session.open(options).ask<Invited>('/users/invite', { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.token);
      terminal.say(`Give it to ${made.name} alone; until ${time(made.expiresAt)}, once, it is good for`);
      terminal.say(`hawser users:accept ${made.url}`);
    });

  withJson(program.command('users:create'))
    .argument('<name>', 'of the user')
    .description('make a user with a password, on stdin or asked for')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const [password] = await askSecrets(terminal, 'New password');
      const body = { name, password };
      const made = await session.open(options).ask<UserAnswer>('/users', { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.say(`${made.name} can log in. What they may do: hawser access:grant ${made.name} ROLE -a APP`);
    });

  for (const [verb, text, done] of [
    ['disable', 'make a user, and all their sessions, tokens and keys, worthless at once', 'disabled'],
    ['enable', 'let a user in again', 'enabled'],
  ] as const) {
    withJson(program.command(`users:${verb}`))
      .argument('<name>', 'of the user')
      .description(text)
      .action(async (name: string, _options, command) => {
        const path = `/users/${encodeURIComponent(name)}/${verb}`;
        const options = optionsOf(command);
        const user = await session.open(options).ask<UserAnswer>(path, { method: 'POST', body: {} });
        if (options.json) return terminal.printJson(user);
        terminal.say(`${name} is ${done}.`);
      });
  }

  withJson(program.command('users:passwd'))
    .argument('[name]', 'whose; your own without it')
    .description('set a password; of your own the current one comes first, a line each on stdin or asked for')
    .action(async (name: string | undefined, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      if (name === undefined) {
        const [current, password] = await askSecrets(terminal, 'Current password', 'New password');
        const answer = await client.ask('/me/password', { method: 'POST', body: { current, password } });
        if (options.json) return terminal.printJson(answer);
        return terminal.say('Your password is changed, and your other sessions have ended.');
      }
      const [password] = await askSecrets(terminal, 'New password');
      const path = `/users/${encodeURIComponent(name)}/password`;
      const answer = await client.ask(path, { method: 'POST', body: { password } });
      if (options.json) return terminal.printJson(answer);
      terminal.say(`The password of ${name} is changed, and their sessions have ended.`);
    });
};
