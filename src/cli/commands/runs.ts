import type { Command } from 'commander';
import { parseDuration } from '../../config/units.ts';
import { Failure } from '../../failure.ts';
import type { Page } from '../answers.ts';
import type { RunAnswer } from '../answers-outside.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { followRun } from '../follow-run.ts';
import { readRunInput } from '../run-input.ts';
import type { CommonOptions, Session } from '../session.ts';
import { clean, orDash, span, time } from '../words.ts';

type RunOptions = CommonOptions & {
  readonly detach?: boolean;
  readonly timeout: string;
  /** Undefined when nothing was said. */
  readonly stdin?: boolean;
};

export const addRunCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('run')))
    .argument('<command...>', 'the program and its arguments, behind --')
    .option('--detach', 'return as soon as it runs')
    .option('--timeout <duration>', 'stop it after this time: 30s, 10m, 24h at most', '1h')
    .option('--stdin', 'pass stdin on, also over SSH')
    .option('--no-stdin', 'do not read stdin')
    .description('a one-off command in a new container of the live image')
    .usage('[options] -- COMMAND [ARGUMENT...]')
    .action(async (words: string[], _options, command: Command) => {
      const options = optionsOf<RunOptions>(command);
      const timeoutSeconds = readTimeout(options.timeout);
      const client = session.open(options);
      const path = `${addressOf(await session.findApp(client, options))}/runs`;
      const input = await readRunInput(session, options.stdin);
      const body = {
        ...(options.env === undefined ? {} : { env: options.env }),
        ...(input === null ? {} : { input: input.toString('base64') }),
        ...{ command: words, detach: options.detach === true, timeoutSeconds },
      };
      const run = await client.ask<RunAnswer>(path, { method: 'POST', body });
      if (options.detach !== true) return followRun(session, client, path, { run, attached: true });
      if (options.json) return terminal.printJson(run);
      terminal.print(String(run.id));
      const on = `-a ${addressedApp(path)} -e ${run.env}`;
      terminal.say(
        `Run ${run.id} is on ${run.server}; hawser runs:output ${run.id} ${on} shows what it writes.`,
      );
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
          clean(run.actor),
          time(run.startedAt),
          span(run.startedAt, run.endedAt),
          clean(run.command.join(' ')).slice(0, 60),
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

async function openRuns(session: Session, options: CommonOptions): Promise<{ client: Client; path: string }> {
  const client = session.open(options);
  return { client, path: `${addressOf(await session.findApp(client, options))}/runs` };
}

function addressOf(app: string): string {
  return `/apps/${encodeURIComponent(app)}`;
}

function addressedApp(path: string): string {
  return decodeURIComponent(path.split('/')[2] ?? '');
}

function readId(word: string): string {
  if (/^[1-9]\d{0,14}$/.test(word)) return word;
  throw new Failure('wrong_usage', `${JSON.stringify(word)} is not the number of a run.`);
}

function readTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= 86_400_000) return Math.ceil(ms / 1000);
  throw new Failure('wrong_usage', `--timeout ${JSON.stringify(text)}: use 1s to 24h, like 90s or 10m.`);
}
