import { toPlain } from '../../model/plain-text.ts';
import type { Page } from '../answers.ts';
import type { AuditAnswer, AuditVerdictAnswer } from '../answers-outside.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { exitCodes } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { orDash, time } from '../words.ts';

type ListOptions = { readonly actor?: string; readonly since?: string; readonly limit: string };

export const addAuditCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('audit'))
    .option('-a, --app <name>', 'of this app alone')
    .option('--actor <name>', 'of this user, token or key alone')
    .option('--since <time>', '2h, 30d or 2026-05-04T10:00:00Z')
    .option('--limit <number>', 'this many of the newest, at most 200', '50')
    .description('list who did what from where, and what was refused')
    .action(async (_options, command) => {
      const options = optionsOf<ListOptions>(command);
      const { app, actor, since, limit } = options;
      const query = { app, actor, since, limit };
      const { items } = await session.open(options).ask<Page<AuditAnswer>>('/audit', { query });
      if (options.json) return terminal.printJson(items);
      terminal.printTable(
        ['ID', 'TIME', 'WHO', 'FROM', 'ACTION', 'APP', 'WHAT', 'OUTCOME'],
        items.map(describeRow),
      );
    });

  withJson(program.command('audit:verify'))
    .option('--anchor <hash>', 'of an entry that was noted elsewhere: it must still be there')
    .description('check that no entry was changed, removed or added; ends with 1 if one was')
    .action(async (_options, command) => {
      const options = optionsOf<{ anchor?: string }>(command);
      const query = { anchor: options.anchor };
      const verdict = await session.open(options).ask<AuditVerdictAnswer>('/audit/verify', { query });
      if (verdict.broken !== null || verdict.anchored === false) session.end(exitCodes.failed);
      if (options.json) return terminal.printJson(verdict);
      printVerdict(terminal, verdict);
    });

  program
    .command('audit:export')
    .option('--after <id>', 'only entries behind this number', '0')
    .description('print the entries as JSON lines, the oldest first')
    .action(async (_options, command) => {
      const options = optionsOf<{ after: string }>(command);
      const client = session.open(options);
      let after: string | null = options.after;
      while (after !== null) {
        const page: Page<AuditAnswer> = await client.ask('/audit/export', { query: { after } });
        for (const item of page.items) terminal.print(JSON.stringify(item));
        after = page.next;
      }
    });
};

function describeRow(entry: AuditAnswer): string[] {
  const { seq, at, actorKind, actor, door, address, action, app, env, object, count } = entry;
  const where = env === null ? app : `${app}/${env}`;
  const outcome = entry.code === null ? entry.outcome : `${entry.outcome}: ${entry.code}`;
  const cells = [
    ...[String(seq), time(at), `${actor} (${actorKind})`, address === '' ? door : `${address} ${door}`],
    ...[action, orDash(where), orDash(object), count === 1 ? outcome : `${outcome} (${count} times)`],
  ];
  return cells.map(toPlain);
}

function printVerdict(
  terminal: Terminal,
  { broken, entries, head, cut, anchored }: AuditVerdictAnswer,
): void {
  if (broken !== null) {
    terminal.print(`Entry ${broken.seq} is not as it was written: ${broken.why}.`);
    return;
  }
  if (anchored === false) {
    terminal.print('The anchor is not in the log: it was made anew, or the anchor is of another one.');
    return;
  }
  const from = cut === null ? '' : `, behind the cut at ${cut.seq}`;
  terminal.say(`${entries} entries are as they were written${from}. Note the hash of the newest elsewhere:`);
  terminal.print(`${head.seq} ${head.hash}`);
}
