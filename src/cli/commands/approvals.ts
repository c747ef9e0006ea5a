import type { ApprovalAnswer, DeployAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { shortCommit, time } from '../words.ts';
import { parseId } from './deploys.ts';

export const addApprovalCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('approvals'))
    .option('-a, --app <name>', 'of this app only')
    .option('-e, --env <name>', 'of this environment only')
    .description('list the deploys that wait for approval')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { app, env } = options;
      const { items } = await session
        .open(options)
        .ask<Page<ApprovalAnswer>>('/approvals', { query: { app, env } });
      if (options.json) return terminal.printJson(items);
      if (items.length === 0) terminal.say('Nothing waits for approval.');
      terminal.printTable(
        ['DEPLOY', 'APP', 'ENV', 'KIND', 'COMMIT', 'ASKED BY', 'WHEN', 'BY WHOM'],
        items.map(describeRow),
      );
    });

  withJson(program.command('approvals:grant'))
    .argument('<id>', 'number of the deploy')
    .option('--reason <text>', 'why')
    .option('--override-freeze <reason>', 'why it goes out in spite of a freeze')
    .description('let a deploy that waits for approval go on')
    .action(async (id: string, _options, command) => {
      const options = optionsOf<{ reason?: string; overrideFreeze?: string }>(command);
      const { reason, overrideFreeze } = options;
      const path = `/deploys/${parseId(id)}/grant`;
      const body = { reason, overrideFreeze };
      const deploy = await session.open(options).ask<DeployAnswer>(path, { method: 'POST', body });
      if (options.json) return terminal.printJson(deploy);
      terminal.say(`Deploy ${deploy.id} goes on: hawser deploys:attach ${deploy.id}`);
    });

  withJson(program.command('approvals:deny'))
    .argument('<id>', 'number of the deploy')
    .requiredOption('--reason <text>', 'why; the one who asked sees it')
    .description('end a deploy that waits for approval')
    .action(async (id: string, _options, command) => {
      const options = optionsOf<{ reason: string }>(command);
      const path = `/deploys/${parseId(id)}/deny`;
      const body = { reason: options.reason };
      const deploy = await session.open(options).ask<DeployAnswer>(path, { method: 'POST', body });
      if (options.json) return terminal.printJson(deploy);
      terminal.say(`Deploy ${deploy.id} is denied and has failed; what runs stays as it is.`);
    });
};

function describeRow({ id, app, env, kind, commit, askedBy, askedAt, by }: ApprovalAnswer): string[] {
  const whom = by === 'other' ? `anyone but ${askedBy}` : 'anyone';
  return [String(id), app, env, kind, shortCommit(commit), askedBy, time(askedAt), whom];
}
