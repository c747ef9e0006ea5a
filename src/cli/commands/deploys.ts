import { Failure } from '../../failure.ts';
import { nameProgress } from '../../model/deploy.ts';
import { toPlain } from '../../model/plain-text.ts';
import type { DeployAnswer, DeployInfoAnswer, Page } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import { exitCodes } from '../exit.ts';
import { attachDeploy } from '../follow-deploy.ts';
import type { Session } from '../session.ts';
import { firstLine, orDash, shortCommit, span, time, version } from '../words.ts';

type RetryOptions = {
  readonly wait: boolean;
  readonly repeatReleaseCommand?: boolean;
  readonly overrideFreeze?: string;
};

export const addDeployCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withApp(program.command('deploys')))
    .option('-n, --limit <number>', 'how many, the newest first', '20')
    .description('list the deploys')
    .action(async (_options, command) => {
      const options = optionsOf<{ limit?: string }>(command);
      const { app, env, limit } = options;
      const query = { app, env, limit };
      const { items } = await session.open(options).ask<Page<DeployAnswer>>('/deploys', { query });
      if (options.json) return terminal.printJson(items);
      const heading = ['ID', 'APP', 'ENV', 'STATE', 'RELEASE', 'COMMIT', 'BY', 'WHEN', 'TOOK'];
      terminal.printTable(heading, items.map(describeRow));
    });

  withJson(program.command('deploys:info'))
    .argument('<id>', 'number of the deploy')
    .description('one deploy: state, commit, steps and their times')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const deploy = await session.open(options).ask<DeployInfoAnswer>(`/deploys/${parseId(id)}`);
      if (options.json) return terminal.printJson(deploy);
      printDeploy(session, deploy);
    });

  program
    .command('deploys:output')
    .argument('<id>', 'number of the deploy')
    .description('the log of a deploy as far as it is')
    .action((id: string, _options, command) =>
      printLog(session, session.open(optionsOf(command)), parseId(id)),
    );

  program
    .command('deploys:attach')
    .argument('<id>', 'number of the deploy')
    .description("the log of a deploy, followed until it ends; the exit code is the deploy's")
    .action((id: string, _options, command) =>
      attachDeploy(session, session.open(optionsOf(command)), parseId(id)),
    );

  withJson(program.command('deploys:cancel'))
    .argument('<id>', 'number of the deploy')
    .description('stop a deploy; what runs stays as it is')
    .action(async (id: string, _options, command) => {
      const options = optionsOf(command);
      const path = `/deploys/${parseId(id)}/cancel`;
      const deploy = await session.open(options).ask<DeployAnswer>(path, { method: 'POST', body: {} });
      if (options.json) return terminal.printJson(deploy);
      terminal.say(
        deploy.state === 'cancelled'
          ? `Deploy ${deploy.id} is cancelled.`
          : `Deploy ${deploy.id} is asked to stop.`,
      );
    });

  const decisions = {
    continue: ['go on with a rollout that waits at a step or is watched there', 'goes on'],
    abort: ['take a rollout back that waits at a step or is watched there', 'is taken back'],
  } as const;
  for (const [verb, [description, outcome]] of Object.entries(decisions)) {
    withJson(program.command(`deploys:${verb}`))
      .argument('<id>', 'number of the deploy')
      .description(description)
      .action(async (id: string, _options, command) => {
        const options = optionsOf(command);
        const path = `/deploys/${parseId(id)}/${verb}`;
        const deploy = await session.open(options).ask<DeployAnswer>(path, { method: 'POST', body: {} });
        if (options.json) return terminal.printJson(deploy);
        terminal.say(`Deploy ${deploy.id} ${outcome}: hawser deploys:attach ${deploy.id}`);
      });
  }

  withJson(program.command('deploys:retry'))
    .argument('<id>', 'number of the deploy')
    .option('--no-wait', 'return as soon as it is queued')
    .option('--repeat-release-command', 'run a release command again of which nobody knows how it ended')
    .option('--override-freeze <reason>', 'why it goes out in spite of a freeze')
    .description('run a deploy again, as a new one')
    .action(async (id: string, _options, command) => {
      const options = optionsOf<RetryOptions>(command);
      const client = session.open(options);
      const path = `/deploys/${parseId(id)}/retry`;
      const { repeatReleaseCommand = false, overrideFreeze } = options;
      const body = { repeatReleaseCommand, overrideFreeze };
      const deploy = await client.ask<DeployAnswer>(path, { method: 'POST', body });
      await finishDeploy(session, client, deploy, options);
    });
};

/** Prints the log of a deploy as far as it is. */
export async function printLog({ terminal }: Session, client: Client, id: number): Promise<void> {
  let rest = '';
  for await (const chunk of client.read(`/deploys/${id}/log`)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) terminal.print(line);
  }
}

/** Shows a deploy that a command began: followed to its end, or only its number. */
export async function finishDeploy(
  session: Session,
  client: Parameters<typeof attachDeploy>[1],
  deploy: DeployAnswer,
  options: { readonly wait: boolean; readonly json?: boolean },
): Promise<void> {
  const { terminal } = session;
  if (options.wait) {
    if (!options.json) return attachDeploy(session, client, deploy.id);
    const quiet = { ...session, terminal: { ...terminal, print: terminal.say }, end: session.end };
    await attachDeploy(quiet, client, deploy.id);
    if (session.exitCode === exitCodes.interrupted) return;
    return terminal.printJson(await client.ask<DeployAnswer>(`/deploys/${deploy.id}`));
  }
  if (options.json) return terminal.printJson(deploy);
  terminal.print(String(deploy.id));
  terminal.say(
    `Queued deploy ${deploy.id} for ${deploy.app}/${deploy.env}: hawser deploys:attach ${deploy.id}`,
  );
}

/** The number of a deploy as it was typed. Throws `wrong_usage`. */
export function parseId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new Failure('wrong_usage', `${JSON.stringify(text)} is not the number of a deploy.`, {
    fix: 'hawser deploys lists them.',
  });
}

function describeRow(deploy: DeployAnswer): string[] {
  const { id, app, env, release, commit, actor, createdAt, endedAt } = deploy;
  const took = span(createdAt, endedAt);
  return [
    String(id),
    app,
    env,
    describeState(deploy),
    version(release),
    shortCommit(commit),
    actor,
    time(createdAt),
    took,
  ];
}

function describeState(deploy: DeployAnswer): string {
  return deploy.hold === null ? deploy.state : `${deploy.state} (${nameProgress(deploy)})`;
}

function describeApproval({ id, hold, approval }: DeployAnswer): string[][] {
  if (approval === null) return [];
  const { askedBy, decision } = approval;
  if (decision === null) {
    const how = hold === 'approval' ? `: hawser approvals:grant ${id}` : '';
    return [['approval', `asked by ${askedBy}${how}`]];
  }
  const why = decision.reason === null ? '' : `: ${decision.reason}`;
  return [['approval', toPlain(`${decision.verdict} by ${decision.by} ${time(decision.at)}${why}`)]];
}

function printDeploy({ terminal }: Session, deploy: DeployInfoAnswer): void {
  const rows = [
    [
      'deploy',
      `${deploy.id} (${deploy.kind}${deploy.change ? `, ${deploy.change}` : ''}${deploy.image ? ` ${deploy.image}` : ''})`,
    ],
    ['app', `${deploy.app}/${deploy.env}`],
    ['state', describeState(deploy)],
    ['release', version(deploy.release ?? deploy.rollbackTo)],
    ['commit', `${orDash(deploy.commit)} ${deploy.ref ?? ''}`.trimEnd()],
    ['author', orDash(deploy.author)],
    ['message', firstLine(deploy.message)],
    ['by', deploy.actor],
    ...describeApproval(deploy),
    ...(deploy.overrideFreeze === null ? [] : [['in freeze', toPlain(deploy.overrideFreeze)]]),
    ['queued', time(deploy.createdAt)],
    ['waited', span(deploy.createdAt, deploy.startedAt)],
    ['went live', time(deploy.switchedAt)],
    ['took', span(deploy.createdAt, deploy.endedAt)],
  ];
  for (const [name = '', value = ''] of rows) terminal.print(`${name.padEnd(10)} ${value}`);
  for (const { name, outcome, detail, begunAt, endedAt } of deploy.steps) {
    terminal.print(
      `${'step'.padEnd(10)} ${name}: ${outcome} ${span(begunAt, endedAt)} ${detail ?? ''}`.trimEnd(),
    );
  }
  for (const line of deploy.result) terminal.print(line);
}
