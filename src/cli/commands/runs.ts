import type { Command } from 'commander';
import { Failure } from '../../failure.ts';
import { toPlain } from '../../model/plain-text.ts';
import { appAddress } from '../addresses.ts';
import type { Page } from '../answers.ts';
import type { RunAnswer } from '../answers-outside.ts';
import { followAttached } from '../attached-run.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { followRun } from '../follow-run.ts';
import { readRunInput } from '../run-input.ts';
import { chooseScreen, readTimeout } from '../run-options.ts';
import type { CommonOptions, Session } from '../session.ts';
import { orDash, span, time } from '../words.ts';

type RunOptions = CommonOptions & {
  readonly detach?: boolean;
  readonly timeout?: string;
  /** Undefined when nothing was said. */
  readonly tty?: boolean;
  /** Undefined when nothing was said. */
  readonly stdin?: boolean;
};

export const addRunCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('run')))
    .argument('<command...>', 'the program and its arguments, behind --')
    .option('--detach', 'return as soon as it runs')
    .option('-t, --tty', 'on a terminal, as it is without it when stdin and stdout are one')
    .option('--no-tty', 'without a terminal')
    .option('--timeout <duration>', 'stop it after this time, 24h at most: 1h without it, 24h on a terminal')
    .option('--stdin', 'pass stdin on, also over SSH')
    .option('--no-stdin', 'do not read stdin')
    .description('a one-off command in a new container of the live image')
    .usage('[options] -- COMMAND [ARGUMENT...]')
    .action(async (words: string[], _options, command: Command) => {
      const options = optionsOf<RunOptions>(command);
      const screen = chooseScreen(session, options);
      const timeoutSeconds = readTimeout(options.timeout ?? (screen === null ? '1h' : '24h'));
      const client = session.open(options);
      const app = appAddress(await session.findApp(client, options));
      const body = {
        ...(options.env === undefined ? {} : { env: options.env }),
        ...{ command: words, timeoutSeconds },
      };
      if (screen === null) return runPlain(session, client, `${app}/runs`, { options, body });
      return followAttached(session, client, { app, path: '/runs/terminal', body, screen, input: true });
    });

  withJson(withApp(program.command('runs')))
    .description('one-off commands, with how they ended')
    .action(async (_options, command: Command) => {
      const options = optionsOf(command);
      const { client, path } = await openRuns(session, options);
      const { items } = await client.ask<Page<RunAnswer>>(path, { query: { env: options.env } });
      if (options.json) return terminal.printJson({ runs: items });
      terminal.printTable(
        ['RUN', 'STATE', 'EXIT', 'SERVER', 'BY', 'STARTED', 'TOOK', 'COMMAND'],
        items.map((run) => [
          String(run.id),
          run.outcome ?? run.state,
          orDash(run.exitCode),
          run.server,
          toPlain(run.actor),
          time(run.startedAt),
          span(run.startedAt, run.endedAt),
          toPlain(run.command.join(' ')).slice(0, 60),
        ]),
      );
      if (items.length === 0) terminal.say('There are no runs.');
    });

  withApp(program.command('runs:output'))
    .argument('<id>', 'number of the run')
    .description('what a one-off command writes until it ends; Ctrl-C only stops looking at a detached one')
    .action(async (id: string, _options, command: Command) => {
      const options = optionsOf(command);
      const { client, path } = await openRuns(session, options);
      const query = { env: options.env };
      const run = await client.ask<RunAnswer>(`${path}/${readId(id)}`, { query });
      return followRun(session, client, path, { run, attached: false });
    });

  withJson(withApp(program.command('runs:cancel')))
    .argument('<id>', 'number of the run')
    .description('stop a one-off command: SIGTERM, and SIGKILL after 10 s')
    .action(async (id: string, _options, command: Command) => {
      const options = optionsOf(command);
      const { client, path } = await openRuns(session, options);
      const asking = { method: 'POST', query: { env: options.env } } as const;
      const run = await client.ask<RunAnswer>(`${path}/${readId(id)}/cancel`, asking);
      if (options.json) return terminal.printJson(run);
      terminal.say(run.state === 'ended' ? `Run ${id} has ended already.` : `Run ${id} is being stopped.`);
    });
};

type Plain = { readonly options: RunOptions; readonly body: object };

/** Without a terminal: stdin is sent whole, and what it writes comes line by line. */
async function runPlain(session: Session, client: Client, path: string, { options, body }: Plain) {
  const { terminal } = session;
  const input = await readRunInput(session, options.stdin);
  const detach = options.detach === true;
  const sent = { ...body, detach, ...(input === null ? {} : { input: input.toString('base64') }) };
  const run = await client.ask<RunAnswer>(path, { method: 'POST', body: sent });
  if (!detach) return followRun(session, client, path, { run, attached: true });
  if (options.json) return terminal.printJson(run);
  terminal.print(String(run.id));
  const on = `-a ${addressedApp(path)} -e ${run.env}`;
  terminal.say(`Run ${run.id} is on ${run.server}; hawser runs:output ${run.id} ${on} shows what it writes.`);
}

async function openRuns(session: Session, options: CommonOptions): Promise<{ client: Client; path: string }> {
  const client = session.open(options);
  return { client, path: `${appAddress(await session.findApp(client, options))}/runs` };
}

function addressedApp(path: string): string {
  return decodeURIComponent(path.split('/')[2] ?? '');
}

function readId(word: string): string {
  if (/^[1-9]\d{0,14}$/.test(word)) return word;
  throw new Failure('wrong_usage', `${JSON.stringify(word)} is not the number of a run.`);
}
