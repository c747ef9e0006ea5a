import { Failure } from '../../failure.ts';
import { isToken } from '../../model/token.ts';
import { type Client, openClient } from '../client.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { findLogin, formatLogin, parseAttributes } from '../git-credential.ts';
import { addLogin, dropLogin, originOf, readLogins, writeLogins } from '../login-file.ts';
import { RemoteFailure } from '../remote-failure.ts';
import { askSecrets } from '../secrets.ts';
import type { Session } from '../session.ts';

type SignedIn = { readonly name: string; readonly token: string; readonly expiresAt: string };
type Me = { readonly name: string };
type LoginOptions = { name?: string; token?: boolean; code?: string };

export const addLoginCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  program
    .command('setup')
    .argument('<url>', 'of the server')
    .requiredOption('--name <name>', 'of the first owner')
    .description(
      'make the first owner with the one-time token of the first start; token and password on stdin',
    )
    .action(async (url: string, { name }: { name: string }) => {
      const [token, password] = await askSecrets(terminal, 'One-time token', 'New password');
      const body = { token, name, password };
      const made = await openAt(url).ask<SignedIn>('/setup', { method: 'POST', body });
      keep(session, url, made);
    });

  program
    .command('login')
    .argument('<url>', 'of the server')
    .option('--name <name>', 'of the user; asked for without it')
    .option('--code <code>', 'of the phone, or a recovery code; asked for when it is needed')
    .option('--token', 'log in with a token on stdin instead of a name and a password')
    .description('keep who you are on a server in a file of your own; the password on stdin or asked for')
    .action(async (url: string, options: LoginOptions) => {
      const made = options.token ? await readToken(session, url) : await logIn(session, url, options);
      keep(session, url, made);
    });

  program
    .command('logout')
    .argument('[url]', 'of the server; the last one without it')
    .description('end the session and forget it')
    .action(async (text: string | undefined) => {
      const logins = readLogins(session.env);
      const url = text === undefined ? logins.last : originOf(text);
      const login = url === null ? undefined : logins.servers[url];
      if (url === null || login === undefined)
        throw new Failure('wrong_usage', 'You are not logged in there.');
      // Forgotten here first: whatever the server says, nobody uses it from here.
      writeLogins(session.env, dropLogin(logins, url));
      await endSession(openAt(url, login.token));
      terminal.say(`Logged out of ${url}.`);
    });

  program
    .command('users:accept')
    .argument('<url>', 'of the server')
    .description('accept an invitation: its one-time token and the new password, a line each on stdin')
    .action(async (url: string) => {
      const [token, password] = await askSecrets(terminal, 'One-time token', 'New password');
      const body = { token, password };
      const made = await openAt(url).ask<SignedIn>('/invitations/accept', { method: 'POST', body });
      keep(session, url, made);
    });

  program
    .command('credential')
    .argument('<operation>', 'get; git calls it with store and erase too, which do nothing')
    .description("git's credential helper: git config --global credential.URL.helper '!hawser credential'")
    .action(async (operation: string) => {
      const asked = parseAttributes(await terminal.readInput());
      if (operation !== 'get') return;
      const login = findLogin(asked, readLogins(session.env));
      if (login !== null && isToken(login.token)) for (const line of formatLogin(login)) terminal.print(line);
    });

  withJson(program.command('totp:enable'))
    .description('have a code of your phone asked for at every login; the password on stdin or asked for')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const [current] = await askSecrets(terminal, 'Password');
      const made = await client.ask<{ secret: string; uri: string }>('/me/totp', {
        method: 'POST',
        body: { current },
      });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.uri);
      terminal.say('Give it to the app on your phone, then: hawser totp:confirm CODE');
    });

  withJson(program.command('totp:confirm'))
    .argument('<code>', 'that the phone shows now')
    .description('confirm the phone and print the recovery codes, this once')
    .action(async (code: string, _options, command) => {
      const options = optionsOf(command);
      const body = { code };
      const client = session.open(options);
      const made = await client.ask<{ recoveryCodes: string[] }>('/me/totp/confirm', {
        method: 'POST',
        body,
      });
      if (options.json) return terminal.printJson(made);
      for (const each of made.recoveryCodes) terminal.print(each);
      terminal.say('Each stands in for the phone once. They are not shown again.');
    });

  withJson(program.command('totp:disable'))
    .description('ask for no code any more; the password on stdin or asked for')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const [current] = await askSecrets(terminal, 'Password');
      const answer = await client.ask('/me/totp/disable', { method: 'POST', body: { current } });
      if (options.json) return terminal.printJson(answer);
      terminal.say('No code is asked for any more.');
    });
};

function openAt(url: string, token: string | null = null): Client {
  return openClient({ kind: 'url', url: originOf(url), token });
}

async function logIn({ terminal }: Session, url: string, options: LoginOptions): Promise<SignedIn> {
  const name = options.name ?? (terminal.interactive ? await terminal.ask('Name: ') : '');
  if (name === '') throw new Failure('wrong_usage', 'Without a terminal the name is said with --name.');
  const [password] = await askSecrets(terminal, 'Password');
  const client = openAt(url);
  const ask = (code: string | undefined) =>
    client.ask<SignedIn>('/login', {
      method: 'POST',
      body: { name, password, ...(code === undefined ? {} : { code }) },
    });
  try {
    return await ask(options.code);
  } catch (error) {
    const isWanted = error instanceof RemoteFailure && error.code === 'login_code_needed';
    if (!isWanted || !terminal.interactive) throw error;
    return ask(await terminal.ask('Code: '));
  }
}

/** A token is kept only when the server knows it. */
async function readToken({ terminal }: Session, url: string): Promise<SignedIn> {
  const [token] = await askSecrets(terminal, 'Token');
  const { name } = await openAt(url, token).ask<Me>('/me');
  return { name, token, expiresAt: '' };
}

function keep({ env, terminal }: Session, url: string, { name, token, expiresAt }: SignedIn): void {
  writeLogins(env, addLogin(readLogins(env), originOf(url), { name, token }));
  terminal.say(
    `You are ${name} on ${originOf(url)}${expiresAt === '' ? '' : ` until ${expiresAt.slice(0, 10)}`}.`,
  );
}

/** A session that has ended by itself is as good as ended. */
async function endSession(client: Client): Promise<void> {
  try {
    await client.ask('/logout', { method: 'POST', body: {} });
  } catch (error) {
    if (!(error instanceof RemoteFailure && error.status === 401)) throw error;
  }
}
