import { toPlain } from '../../model/plain-text.ts';
import type { Page } from '../answers.ts';
import type { DeliveryAnswer, NotificationAnswer } from '../answers-outside.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { exitCodes } from '../exit.ts';
import { firstLine, orDash, time } from '../words.ts';

type AddOptions = { readonly to: string; readonly event?: string[] };
type Added = NotificationAnswer & { readonly secret: string | null };
type Tested = { readonly delivered: boolean; readonly status: number; readonly answer: string | null };

export const addNotificationCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('notifications'))
    .description('list who is told what happens')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<NotificationAnswer>>('/notifications');
      if (options.json) return terminal.printJson(items);
      terminal.printTable(
        ['ID', 'KIND', 'TO', 'APPS', 'ENVIRONMENTS', 'EVENTS', 'BY'],
        items.map((item) => [
          ...[item.id, item.kind, toPlain(item.host)],
          ...[item.apps?.join(' ') ?? 'all', item.environments?.join(' ') ?? 'all'],
          ...[item.events.join(' '), toPlain(item.createdBy)],
        ]),
      );
    });

  withJson(program.command('notifications:add'))
    .argument('<kind>', 'json, slack, discord or mail')
    .requiredOption(
      '--to <address>',
      'the URL of the receiver, or its mail address; - reads it from standard input',
    )
    .option('--event <name...>', 'only these, like deploy.failed; all without it')
    .option('-a, --app <name>', 'of this app only; all apps and the servers without it')
    .description('have somebody told what happens; for json, prints the secret of the signatures this once')
    .action(async (kind: string, _options, command) => {
      const options = optionsOf<AddOptions>(command);
      const { app, event: events } = options;
      const to = options.to === '-' ? (await terminal.readInput()).trim() : options.to;
      const url = kind === 'mail' && !to.startsWith('mailto:') ? `mailto:${to}` : to;
      const body = {
        ...{ kind, url },
        ...(events === undefined ? {} : { events }),
        ...(app === undefined ? {} : { app }),
      };
      const made = await session.open(options).ask<Added>('/notifications', { method: 'POST', body });
      if (options.json) return terminal.printJson(made);
      terminal.print(made.id);
      if (made.secret !== null) terminal.print(made.secret);
      terminal.say(`Try it: hawser notifications:test ${made.id}`);
    });

  withJson(program.command('notifications:test'))
    .argument('<id>', 'of the notification')
    .description('send a message now and show the answer; ends with 1 if it was not taken')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const path = `/notifications/${encodeURIComponent(id)}/test`;
      const tested = await session.open(options).ask<Tested>(path, { method: 'POST' });
      if (!tested.delivered) session.end(exitCodes.failed);
      if (options.json) return terminal.printJson(tested);
      terminal.say(
        `${tested.delivered ? 'Taken' : 'Not taken'}: ${tested.status} ${firstLine(tested.answer)}`,
      );
    });

  withJson(program.command('notifications:deliveries'))
    .argument('<id>', 'of the notification')
    .description('list the messages to one receiver and what became of them')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const path = `/notifications/${encodeURIComponent(id)}/deliveries`;
      const { items } = await session.open(options).ask<Page<DeliveryAnswer>>(path);
      if (options.json) return terminal.printJson(items);
      terminal.printTable(
        ['TIME', 'EVENT', 'STATE', 'TRIES', 'ANSWER', 'TEXT'],
        items.map((item) => [
          ...[time(item.createdAt), item.event, item.state, String(item.attempts)],
          ...[`${orDash(item.status)} ${firstLine(item.answer, 40)}`, firstLine(item.text, 100)],
        ]),
      );
    });

  withJson(program.command('notifications:remove'))
    .argument('<id>', 'of the notification')
    .description('tell somebody no more')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const path = `/notifications/${encodeURIComponent(id)}`;
      const gone = await session.open(options).ask<{ id: string }>(path, { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`Removed ${gone.id}.`);
    });
};
