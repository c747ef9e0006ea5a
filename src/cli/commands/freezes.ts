import { appAddress } from '../addresses.ts';
import type { FreezeAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { time } from '../words.ts';

type AddOptions = { readonly zone?: string; readonly reason: string };

export const addFreezeCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('freeze'))
    .option('-a, --app <name>', 'those that concern this app; all without it')
    .option('-e, --env <name>', 'and this environment of it')
    .description('list the times in which nothing is deployed, and whether they are now')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { app, env } = options;
      const query = app === undefined ? {} : { env };
      const { items } = await session.open(options).ask<Page<FreezeAnswer>>(addressOf(app), { query });
      if (options.json) return terminal.printJson(items);
      if (items.length === 0) terminal.say('There is no freeze.');
      terminal.printTable(
        ['ID', 'APP', 'ENV', 'WINDOW', 'ZONE', 'NOW', 'REASON', 'BY'],
        items.map(describeRow),
      );
    });

  withJson(program.command('freeze:add'))
    .argument(
      '<window>',
      '"Fri 16:00-Mon 08:00", "22:00-06:00", "2026-12-20 - 2027-01-02" or "2026-12-24 12:00 - 2026-12-27 08:00"',
    )
    .requiredOption('--reason <text>', 'why; everybody who is refused sees it')
    .option('--zone <name>', 'time zone, like Europe/Berlin; that of this machine without it')
    .option('-a, --app <name>', 'this app only; all apps without it')
    .option('-e, --env <name>', 'this environment only; all without it')
    .description('deploy nothing in a window of time, but for rollbacks')
    .action(async (window: string, _options, command) => {
      const options = optionsOf<AddOptions>(command);
      const { app, env, reason } = options;
      const zone = options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      const body = { window, zone, reason, ...(env === undefined ? {} : { env }) };
      const freeze = await session.open(options).ask<FreezeAnswer>(addressOf(app), { method: 'POST', body });
      if (options.json) return terminal.printJson(freeze);
      terminal.print(String(freeze.id));
      terminal.say(`Freeze ${freeze.id}: ${freeze.window} ${freeze.zone}, ${describeState(freeze)}.`);
    });

  withJson(program.command('freeze:remove'))
    .argument('<id>', 'number of the freeze')
    .option('-a, --app <name>', 'the app that it is of; needed by who may change this app only')
    .description('end a freeze for good')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const path = `${addressOf(options.app)}/${encodeURIComponent(id)}`;
      const gone = await session.open(options).ask<FreezeAnswer>(path, { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`Removed freeze ${gone.id} (${gone.window} ${gone.zone}).`);
    });
};

function addressOf(app: string | undefined): string {
  return app === undefined ? '/freezes' : `${appAddress(app)}/freezes`;
}

function describeState({ on, changesAt }: FreezeAnswer): string {
  if (changesAt === null) return on ? 'on for ever' : 'over';
  return `${on ? 'on until' : 'next'} ${time(changesAt)} UTC`;
}

function describeRow(freeze: FreezeAnswer): string[] {
  const { id, app, env, window, zone, reason, createdBy } = freeze;
  return [String(id), app ?? '(all)', env ?? '(all)', window, zone, describeState(freeze), reason, createdBy];
}
