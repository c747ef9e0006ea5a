import { Failure } from '../../failure.ts';
import type { DeployAnswer, Page, ReleaseAnswer } from '../answers.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { firstLine, orDash, shortCommit, time } from '../words.ts';
import { finishDeploy } from './deploys.ts';

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
      const { items } = await client.ask<Page<ReleaseAnswer>>(`/apps/${encodeURIComponent(app)}/releases`, {
        query,
      });
      if (options.json) return terminal.printJson(items);
      const heading = ['RELEASE', 'OUTCOME', 'COMMIT', 'DIGEST', 'AUTHOR', 'DEPLOY', 'CREATED', 'MESSAGE'];
      terminal.printTable(heading, items.map(describeRow));
    });

  withJson(withApp(program.command('rollback')))
    .argument('[version]', 'the release to bring back, like v42; the one before the current without it')
    .option('--no-wait', 'return as soon as it is queued')
    .description("bring an earlier release back; the exit code is the deploy's")
    .action(async (text: string | undefined, _options, command) => {
      const version = parseVersion(text);
      const options = optionsOf<{ wait: boolean }>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const body = { version, ...(options.env === undefined ? {} : { env: options.env }) };
      const path = `/apps/${encodeURIComponent(app)}/rollback`;
      await finishDeploy(
        session,
        client,
        await client.ask<DeployAnswer>(path, { method: 'POST', body }),
        options,
      );
    });
};

function parseVersion(text: string | undefined): number | null {
  if (text === undefined) return null;
  const number = /^v?([1-9]\d{0,9})$/.exec(text)?.[1];
  if (number !== undefined) return Number(number);
  throw new Failure('wrong_usage', `${JSON.stringify(text)} is not a release: use v42.`);
}

function describeRow(release: ReleaseAnswer): string[] {
  const { version, commit, image, author, deploy, createdAt, message } = release;
  return [
    `v${version}`,
    outcomeOf(release),
    shortCommit(commit),
    image.digest.slice(0, 19),
    orDash(author),
    String(deploy),
    time(createdAt),
    firstLine(message, 40),
  ];
}

function outcomeOf({ current, wentLiveAt, rollbackOf }: ReleaseAnswer): string {
  const outcome = current ? 'current' : wentLiveAt === null ? 'never live' : 'was live';
  return rollbackOf === null ? outcome : `${outcome} (v${rollbackOf} again)`;
}
