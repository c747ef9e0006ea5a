import { Failure } from '../../failure.ts';
import { appAddress } from '../addresses.ts';
import type { DeployAnswer, Page, ReleaseAnswer, ReleaseInfoAnswer } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { printPlan, withPlan } from '../plan.ts';
import { printRelease } from '../print-release.ts';
import type { CommonOptions, Session } from '../session.ts';
import { firstLine, orDash, shortCommit, time } from '../words.ts';
import { finishDeploy, printLog } from './deploys.ts';

export const addReleaseCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('releases')))
    .option('-n, --limit <number>', 'how many, the newest first', '20')
    .description('list the releases of an environment')
    .action(async (_options, command) => {
      const options = optionsOf<{ limit?: string }>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const query = { env: options.env, limit: options.limit };
      const { items } = await client.ask<Page<ReleaseAnswer>>(`${appAddress(app)}/releases`, {
        query,
      });
      if (options.json) return terminal.printJson(items);
      const heading = [
        'RELEASE',
        'OUTCOME',
        'KIND',
        'COMMIT',
        'AUTHOR',
        'BY',
        'DEPLOY',
        'CREATED',
        'MESSAGE',
      ];
      terminal.printTable(heading, items.map(describeRow));
    });

  withJson(withApp(program.command('releases:info')))
    .argument('<version>', 'of the release, like v42')
    .description('one release: what it is, what is other than before it, and how it ended')
    .action(async (text: string, _options, command) => {
      const options = optionsOf(command);
      const release = await readRelease(session, session.open(options), text, options);
      if (options.json) return terminal.printJson(release);
      printRelease(terminal, release);
    });

  withApp(program.command('releases:output'))
    .argument('<version>', 'of the release, like v42')
    .description('the log of the deploy that made a release')
    .action(async (text: string, _options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const { deploy } = await readRelease(session, client, text, options);
      await printLog(session, client, deploy);
    });

  withPlan(withJson(withApp(program.command('rollback'))))
    .argument(
      '[release]',
      'to bring back, like v42 or sha256:9d1c0f3a (8 characters or more); the one before the current without it',
    )
    .option('--no-wait', 'return as soon as it is queued')
    .description("bring an earlier release back; the exit code is the deploy's")
    .action(async (text: string | undefined, _options, command) => {
      const wanted = parseRelease(text);
      const options = optionsOf<{ wait: boolean; plan?: boolean }>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const body = { ...wanted, ...(options.env === undefined ? {} : { env: options.env }) };
      const path = `${appAddress(app)}/rollback`;
      if (options.plan) return printPlan(session, client, { path, body, json: options.json });
      await finishDeploy(
        session,
        client,
        await client.ask<DeployAnswer>(path, { method: 'POST', body }),
        options,
      );
    });
};

async function readRelease(
  session: Session,
  client: Client,
  text: string,
  options: CommonOptions,
): Promise<ReleaseInfoAnswer> {
  const version = parseVersion(text);
  if (version === undefined) throw notARelease(text);
  const app = await session.findApp(client, options);
  const path = `${appAddress(app)}/releases/${version}`;
  return client.ask<ReleaseInfoAnswer>(path, { query: { env: options.env } });
}

function parseRelease(text: string | undefined): { version?: number; digest?: string } {
  if (text === undefined) return {};
  const version = parseVersion(text);
  if (version !== undefined) return { version };
  if (/^(?:sha256:)?[0-9a-f]{8,64}$/.test(text)) return { digest: text };
  throw notARelease(text);
}

function parseVersion(text: string): number | undefined {
  const number = /^v?([1-9]\d{0,9})$/.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

function notARelease(text: string): Failure {
  return new Failure('wrong_usage', `${JSON.stringify(text)} is not a release: use v42.`);
}

function describeRow(release: ReleaseAnswer): string[] {
  const { version, outcome, what, overrideFreeze, commit, author, actor, deploy, createdAt, message } =
    release;
  return [
    `v${version}`,
    outcome,
    overrideFreeze === null ? what : `${what} in a freeze`,
    shortCommit(commit),
    orDash(author),
    actor,
    String(deploy),
    time(createdAt),
    firstLine(message, 40),
  ];
}
