import type { Page } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { followAgain } from '../follow-again.ts';
import { RemoteFailure } from '../remote-failure.ts';
import type { Session } from '../session.ts';
import { firstLine, orDash, time } from '../words.ts';

type EventAnswer = {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly app: string | null;
  readonly env: string | null;
  readonly deploy: number | null;
  readonly detail: string;
};

export const addEventCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('events'))
    .option('-n, --limit <number>', 'how many, the newest first', '20')
    .option('-t, --tail', 'follow: what happens from now on')
    .description('what happened, and who did it')
    .action(async (_options, command) => {
      const options = optionsOf<{ limit: string; tail?: boolean }>(command);
      const client = session.open(options);
      if (options.tail) return followEvents(session, client, options.json === true);
      const query = { limit: options.limit };
      const { items } = await client.ask<Page<EventAnswer>>('/events', { query });
      if (options.json) return terminal.printJson(items);
      if (items.length === 0) terminal.say('Nothing has happened yet.');
      terminal.printTable(['WHEN', 'WHO', 'WHAT', 'WHERE', 'DEPLOY', 'DETAIL'], items.map(describeRow));
    });
};

/** A line for each event, until Ctrl-C. */
async function followEvents(
  { terminal, interrupt }: Session,
  client: Client,
  asJson: boolean,
): Promise<void> {
  for await (const { event, data } of followAgain(client, '/events', { signal: interrupt() })) {
    if (event === 'error') throw new RemoteFailure(JSON.parse(data));
    terminal.print(asJson ? data : describeRow(JSON.parse(data) as EventAnswer).join('\t'));
  }
}

function describeRow({ at, actor, action, app, env, deploy, detail }: EventAnswer): string[] {
  const where = app === null ? '-' : `${app}${env === null ? '' : `/${env}`}`;
  return [time(at), firstLine(actor), action, where, orDash(deploy), firstLine(detail)];
}
