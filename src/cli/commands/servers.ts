import { Failure } from '../../failure.ts';
import type { FindingAnswer, Page, ServerAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { printFindings } from '../findings.ts';
import type { Session } from '../session.ts';
import { orDash } from '../words.ts';

type HostKey = { readonly name: string; readonly fingerprint: string; readonly pinned: string | null };
type TrustOptions = { fingerprint?: string; yes?: boolean };

export const addServerCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('servers'))
    .description('the servers and whether they answer')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<ServerAnswer>>('/servers');
      if (options.json) return terminal.printJson(items);
      const heading = ['SERVER', 'REACHED BY', 'ADDRESS', 'ENGINE', 'HOST KEY', 'ENVIRONMENTS'];
      terminal.printTable(heading, items.map(describeRow));
      for (const { name, reachable, reason } of items) {
        if (!reachable) terminal.say(` !     ${name}: ${reason}`);
      }
    });

  program
    .command('servers:trust')
    .argument('<name>', 'of the server')
    .option('--fingerprint <SHA256:…>', 'what you know of its key: pinned only if it is this one')
    .option('--yes', 'pin what it shows, without a question')
    .description("show a server's host key and pin it")
    .action(async (name: string, _options, command) => {
      const options = optionsOf<TrustOptions>(command);
      const client = session.open(options);
      const path = `/servers/${encodeURIComponent(name)}`;
      const key = await client.ask<HostKey>(`${path}/host-key`);
      terminal.print(`${key.name} ${key.fingerprint}`);
      if (key.pinned === key.fingerprint) return terminal.say('This key is pinned already.');
      if (key.pinned !== null) terminal.say(` !     Another key was pinned before: ${key.pinned}`);
      await agree(session, key, options);
      const body = { fingerprint: key.fingerprint };
      await client.ask(`${path}/trust`, { method: 'POST', body });
      terminal.say(`Pinned: only a server with this key is taken for ${key.name}.`);
    });

  withJson(program.command('servers:doctor'))
    .argument('<name>', 'of the server')
    .description('try every step from here to its engine and say which one fails')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const path = `/servers/${encodeURIComponent(name)}/doctor`;
      const { items } = await session.open(options).ask<Page<FindingAnswer>>(path);
      printFindings(session, items, options);
    });
};

async function agree({ terminal }: Session, key: HostKey, { fingerprint, yes }: TrustOptions): Promise<void> {
  if (fingerprint !== undefined) {
    if (fingerprint === key.fingerprint) return;
    throw new Failure('host_key_changed', `${key.name} shows ${key.fingerprint}, not ${fingerprint}.`);
  }
  if (yes === true) return;
  if (!terminal.interactive) {
    throw new Failure(
      'not_confirmed',
      `Compare the key, then say it with --fingerprint ${key.fingerprint}, or --yes to take it as it is.`,
    );
  }
  terminal.say('On the server, ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub shows its key.');
  const answer = await terminal.ask('Is it this one? [y/N] ');
  if (!/^y(?:es)?$/i.test(answer)) throw new Failure('not_confirmed', 'Nothing was pinned.');
}

function describeRow(server: ServerAnswer): string[] {
  const key = server.pinned === null ? '-' : `${server.pinned.slice(0, 15)}… (${server.pinnedBy})`;
  const engine = server.reachable ? orDash(server.engine) : 'out of reach';
  return [
    server.name,
    server.ssh ?? 'local',
    server.address,
    engine,
    server.kind === 'local' ? '-' : key,
    orDash(server.environments.join(',')),
  ];
}
