import type { Command } from 'commander';
import { appAddress } from '../addresses.ts';
import type { ContainerAnswer, Page, Unreachable } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { exitCodes } from '../exit.ts';
import { followContainers, type LogOptions } from '../follow-logs.ts';
import type { CommonOptions, Session } from '../session.ts';
import { orDash } from '../words.ts';

type Observed<T> = Page<T> & { readonly env: string; readonly unreachable: readonly Unreachable[] };
type WantedAnswer = {
  readonly wanted: readonly {
    readonly process: string;
    readonly quantity: number | null;
    readonly stopped: boolean;
  }[];
};
type DockerLine = {
  readonly server: string;
  readonly name: string;
  readonly network: string;
  readonly command: string | null;
};

export const addContainerCommands: AddCommands = (program, session) => {
  withJson(withApp(program.command('ps')))
    .option('--docker', 'print the plain docker run line of each, environment included')
    .description('what runs of an app on which server')
    .action(async (_options, command: Command) => {
      const options = optionsOf<{ docker?: boolean }>(command);
      const client = session.open(options);
      const path = appAddress(await session.findApp(client, options));
      if (options.docker) return printDocker(session, client, path, options);
      return printContainers(session, client, path, options);
    });

  withJson(withApp(program.command('logs')))
    .option('-t, --tail', 'go on with what comes')
    .option('-n, --lines <number>', 'how many lines of what was (default: 100, or all with --since)')
    .option('-p, --process <type>', 'only this process type, or one of it: web, web.1')
    .option('--server <name>', 'only this server')
    .option('--since <time>', 'only what was written since: 10m, 2h, or 2026-01-31T09:00:00Z')
    .option('--release <version>', 'only this release: v3')
    .description('what the containers write, merged over the servers')
    .action(async (_options, command: Command) => {
      const options = optionsOf<LogOptions>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      return followContainers(session, client, app, options);
    });
};

function describeWanted({ process, quantity, stopped }: WantedAnswer['wanted'][number]): string {
  if (stopped) return `${process}: stopped; hawser ps:start ${process} starts it`;
  return `${process}: ${quantity === null ? 'one on every server' : `${quantity} in all`} wanted`;
}

async function printContainers(session: Session, client: Client, path: string, options: CommonOptions) {
  const query = { env: options.env };
  const answer = await client.ask<Observed<ContainerAnswer> & WantedAnswer>(`${path}/ps`, { query });
  const { wanted, items, unreachable } = answer;
  if (options.json) {
    session.terminal.printJson({ wanted, containers: items, unreachable });
  } else {
    session.terminal.printTable(
      ['SERVER', 'PROCESS', 'RELEASE', 'STATE', 'ADDRESS', 'CONTAINER'],
      answer.items.map(({ server, process, index, release, state, address, name }) => [
        server,
        `${process}.${index}`,
        `v${release}`,
        state,
        orDash(address),
        name,
      ]),
    );
    for (const line of wanted.map(describeWanted)) session.terminal.say(line);
    if (answer.items.length === 0 && answer.unreachable.length === 0) session.terminal.say('Nothing runs.');
  }
  tellUnreachable(session, answer.unreachable);
}

async function printDocker(session: Session, client: Client, path: string, options: CommonOptions) {
  const { terminal } = session;
  const answer = await client.ask<Observed<DockerLine>>(`${path}/docker`, { query: { env: options.env } });
  if (options.json) terminal.printJson({ containers: answer.items, unreachable: answer.unreachable });
  else {
    for (const [server, lines = []] of Map.groupBy(answer.items, (item) => item.server)) {
      terminal.print(`# ${server}`);
      for (const network of new Set(lines.map((item) => item.network))) {
        terminal.print(`docker network create ${network}`);
      }
      for (const { name, command } of lines) {
        terminal.print(command ?? `# ${name}: its release is not known any more`);
      }
    }
  }
  tellUnreachable(session, answer.unreachable);
}

/** What could not be asked makes the answer incomplete, which the exit code says too. */
function tellUnreachable(session: Session, unreachable: readonly Unreachable[]): void {
  for (const { server, reason } of unreachable)
    session.terminal.say(` !     ${server} was not asked: ${reason}`);
  if (unreachable.length > 0) session.end(exitCodes.outOfReach);
}
