import { formatBytes } from '../../publish/bytes.ts';
import { serverAddress } from '../addresses.ts';
import { agreeToKey, type KeyOptions, type ShownKey } from '../agree-to-key.ts';
import type { FindingAnswer, Page, ServerAnswer, ServerInfoAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { printFindings } from '../findings.ts';
import type { Session } from '../session.ts';
import { orDash } from '../words.ts';

type HostKey = ShownKey & { readonly pinned: string | null };

export const addServerCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('servers'))
    .description('the servers and whether they answer')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<ServerAnswer>>('/servers');
      if (options.json) return terminal.printJson(items);
      const heading = ['SERVER', 'REACHED BY', 'ADDRESS', 'STATE', 'ENGINE', 'HOST KEY', 'ENVIRONMENTS'];
      terminal.printTable(heading, items.map(describeRow));
      for (const { name, reachable, reason } of items) {
        if (!reachable) terminal.say(` !     ${name}: ${reason}`);
      }
    });

  withJson(program.command('servers:info'))
    .argument('<name>', 'of the server')
    .description('its state, its disk, and what runs there')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const path = serverAddress(name);
      const server = await session.open(options).ask<ServerInfoAnswer>(path);
      if (options.json) return terminal.printJson(server);
      printServer(session, server);
    });

  withJson(program.command('servers:trust'))
    .argument('<name>', 'of the server')
    .option('--fingerprint <SHA256:…>', 'what you know of its key: pinned only if it is this one')
    .option('--yes', 'pin what it shows, without a question')
    .description("show a server's host key and pin it")
    .action(async (name: string, _options, command) => {
      const options = optionsOf<KeyOptions>(command);
      const client = session.open(options);
      const path = serverAddress(name);
      const key = await client.ask<HostKey>(`${path}/host-key`);
      const shown = { name: key.name, fingerprint: key.fingerprint };
      if (options.json && key.pinned === key.fingerprint) return terminal.printJson(shown);
      if (!options.json) terminal.print(`${key.name} ${key.fingerprint}`);
      if (key.pinned === key.fingerprint) return terminal.say('This key is pinned already.');
      if (key.pinned !== null) terminal.say(` !     Another key was pinned before: ${key.pinned}`);
      await agreeToKey(session, key, options);
      const body = { fingerprint: key.fingerprint };
      const pinned = await client.ask(`${path}/trust`, { method: 'POST', body });
      if (options.json) return terminal.printJson(pinned);
      terminal.say(`Pinned: only a server with this key is taken for ${key.name}.`);
    });

  withJson(program.command('servers:doctor'))
    .argument('<name>', 'of the server')
    .description('try every step from here to its engine and say which one fails')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const path = `${serverAddress(name)}/doctor`;
      const { items } = await session.open(options).ask<Page<FindingAnswer>>(path);
      printFindings(session, items, options);
    });
};

function describeRow(server: ServerAnswer): string[] {
  const key = server.pinned === null ? '-' : `${server.pinned.slice(0, 15)}… (${server.pinnedBy})`;
  const engine = server.reachable ? orDash(server.engine) : 'out of reach';
  return [
    server.name,
    server.ssh ?? 'local',
    server.address,
    server.drained === null ? 'in use' : 'drained',
    engine,
    server.kind === 'local' ? '-' : key,
    orDash(server.environments.join(',')),
  ];
}

function printServer({ terminal }: Session, server: ServerInfoAnswer): void {
  const { drained, disk, containers } = server;
  const state = drained === null ? 'in use' : `drained by ${drained.by} at ${drained.at} ${drained.reason}`;
  const lines = [
    ['reached by', [server.ssh ?? 'local', ...(server.via === null ? [] : [`via ${server.via}`])].join(' ')],
    ['address', server.address],
    ['roles', orDash(server.roles.join(', '))],
    ['comes from', server.from === 'file' ? 'deploy.config.json' : 'servers:add'],
    ['state', state.trim()],
    ['environments', orDash(server.environments.join(', '))],
    ['engine', server.reachable ? orDash(server.engine) : `out of reach: ${server.reason}`],
    ['disk', disk === null ? '-' : `${formatBytes(disk.freeBytes)} of ${formatBytes(disk.totalBytes)} free`],
  ] as const;
  for (const [name, value] of lines) terminal.print(`${name.padEnd(13)} ${value}`);
  if (containers === null || containers.length === 0) return;
  terminal.printTable(
    ['CONTAINER', 'STATE', 'ADDRESS', 'CHANGED BY HAND'],
    containers.map((one) => [one.name, one.state, orDash(one.address), orDash(one.changed.join(', '))]),
  );
}
