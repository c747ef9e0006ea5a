import { resolve } from 'node:path';
import { durationPattern, parseDuration } from '../../config/units.ts';
import { Failure } from '../../failure.ts';
import { serverAddress } from '../addresses.ts';
import { agreeToKey, type KeyOptions } from '../agree-to-key.ts';
import type { AdmissionAnswer } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { exitCodes } from '../exit.ts';
import { printFindings } from '../findings.ts';
import { followDrain } from '../follow-server.ts';
import type { CommonOptions, Session } from '../session.ts';

type AddOptions = KeyOptions & {
  address?: string;
  role?: string[];
  identity?: string;
  via?: string;
  bootstrap?: boolean;
};
type DrainOptions = { reason?: string; off?: boolean; wait: boolean };
type InviteOptions = { role?: string[]; for: string };
type Invitation = {
  readonly token: string;
  readonly expiresAt: string;
  readonly url: string;
  readonly userData: string;
};

export const addServerChangeCommands: AddCommands = (program, session) => {
  withJson(program.command('servers:add'))
    .argument('<name>', 'what it is to be called')
    .argument('<user@host[:port]>', 'how it is reached by SSH')
    .option('--address <address>', 'where the load balancer reaches it; the host without it')
    .option('--role <role...>', 'roles that environments name')
    .option('--identity <path>', "private key on Hawser's machine; the installation's own without it")
    .option('--via <server>', 'server to jump through')
    .option('--fingerprint <SHA256:…>', 'what you know of its key: added only if it is this one')
    .option('--yes', 'pin the key that it shows, without a question')
    .option('--bootstrap', 'install Docker there when it is missing (Debian, Ubuntu)')
    .description('examine a machine and take it into use; it runs what it should within seconds')
    .action(async (name: string, ssh: string, _options, command) => {
      await addServer(session, { name, ssh }, optionsOf<AddOptions>(command));
    });

  withJson(program.command('servers:drain'))
    .argument('<name>', 'of the server')
    .option('--reason <text>', 'for those who see it in the list')
    .option('--off', 'the same as servers:undrain')
    .option('--no-wait', 'do not follow until it is empty')
    .description('move everything off a server without a failed request')
    .action(async (name: string, _options, command) => {
      const options = optionsOf<DrainOptions>(command);
      if (options.off) return undrain(session, name, options);
      return drain(session, name, options);
    });

  withJson(program.command('servers:undrain'))
    .argument('<name>', 'of the server')
    .description('take a drained server into use again')
    .action(async (name: string, _options, command) => undrain(session, name, optionsOf(command)));

  withJson(program.command('servers:remove'))
    .argument('<name>', 'of the server')
    .option('--force', 'forget a dead one with all that it ran')
    .description('forget a server that is drained and empty')
    .action(async (name: string, _options, command) => {
      const options = optionsOf<{ force?: boolean }>(command);
      const path = `${serverAddress(name)}?force=${options.force === true}`;
      const answer = await session.open(options).ask(path, { method: 'DELETE' });
      if (options.json) session.terminal.printJson(answer);
      else session.terminal.say(`${name} is removed.`);
    });

  withJson(program.command('servers:invite'))
    .alias('servers:join')
    .option('--role <role...>', 'roles that environments name')
    .option('--for <time>', 'how long it holds: 30m, 1h, 2d', '1h')
    .description('print the cloud-init user data with which one fresh machine becomes a server')
    .action(async (_options, command) => invite(session, optionsOf<InviteOptions>(command)));
};

async function addServer(
  session: Session,
  server: { readonly name: string; readonly ssh: string },
  options: CommonOptions & AddOptions,
): Promise<void> {
  const { terminal } = session;
  const client = session.open(options);
  const via = options.via === undefined ? {} : { via: options.via };
  const asked = { ssh: server.ssh, ...via };
  const key = { name: server.name, ...(await askKey(client, asked)) };
  terminal.say(`${server.name} ${key.fingerprint}`);
  await agreeToKey(session, key, options);
  const body = {
    ...asked,
    name: server.name,
    fingerprint: key.fingerprint,
    roles: options.role ?? [],
    ...(options.address === undefined ? {} : { address: options.address }),
    ...(options.identity === undefined ? {} : { identity: resolve(session.cwd, options.identity) }),
    bootstrap: options.bootstrap === true,
  };
  if (body.bootstrap) await tellCommands(session, client, body);
  const answer = await client.ask<AdmissionAnswer>('/servers', { method: 'POST', body });
  if (options.json) terminal.printJson(answer);
  else printFindings(session, answer.findings, options);
  if (!answer.added) {
    session.end(exitCodes.failed);
    return terminal.say(` !     ${server.name} is not added: mend what failed, then try again.`);
  }
  terminal.say(`${server.name} is added; hawser servers:info ${server.name} shows what runs there.`);
}

function askKey(client: Client, body: object): Promise<{ readonly fingerprint: string }> {
  return client.ask('/servers/host-key', { method: 'POST', body });
}

/** Each command is told before any of them runs. */
async function tellCommands({ terminal }: Session, client: Client, body: object): Promise<void> {
  const plan = { ...body, plan: true };
  const { commands } = await client.ask<AdmissionAnswer>('/servers', { method: 'POST', body: plan });
  if (commands.length === 0) return terminal.say('Docker is there: nothing is installed.');
  terminal.say('These run there now:');
  for (const line of commands) terminal.say(`  ${line}`);
}

async function drain(session: Session, name: string, options: CommonOptions & DrainOptions): Promise<void> {
  const client = session.open(options);
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const answer = await client.ask(`${serverAddress(name)}/drain`, { method: 'POST', body });
  if (options.wait) await followDrain(session, client, name);
  if (options.json) session.terminal.printJson(answer);
  else if (!options.wait) session.terminal.say(`${name} is being drained.`);
}

async function undrain(session: Session, name: string, options: CommonOptions): Promise<void> {
  const answer = await session.open(options).ask(`${serverAddress(name)}/drain`, { method: 'DELETE' });
  if (options.json) session.terminal.printJson(answer);
  else session.terminal.say(`${name} is in use.`);
}

async function invite(session: Session, options: CommonOptions & InviteOptions): Promise<void> {
  const { terminal } = session;
  const body = { roles: options.role ?? [], minutes: readMinutes(options.for) };
  const made = await session.open(options).ask<Invitation>('/servers/invitations', { method: 'POST', body });
  if (options.json) return terminal.printJson(made);
  terminal.print(made.userData.trimEnd());
  terminal.say(`One machine may join with this until ${made.expiresAt}; it must reach ${made.url}.`);
}

/** Throws `wrong_usage`. */
function readMinutes(text: string): number {
  const ms = durationPattern.test(text) ? parseDuration(text) : undefined;
  if (ms !== undefined && ms >= 60_000) return Math.ceil(ms / 60_000);
  throw new Failure('wrong_usage', `--for ${JSON.stringify(text)}: must be a time like 30m, 1h or 2d.`);
}
