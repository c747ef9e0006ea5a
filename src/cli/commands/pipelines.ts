import { Failure } from '../../failure.ts';
import { appAddress } from '../addresses.ts';
import type { DeployAnswer, PipelineAnswer, PromotionAnswer } from '../answers.ts';
import type { Client } from '../client.ts';
import { type AddCommands, optionsOf, withAppAlone, withJson } from '../command.ts';
import { printPlan, withPlan } from '../plan.ts';
import { listChains, listPromotionLines } from '../print-pipeline.ts';
import type { Session } from '../session.ts';
import { finishDeploy } from './deploys.ts';

type PairOptions = { readonly from?: string; readonly to?: string };
type PromoteOptions = PairOptions & {
  readonly wait: boolean;
  readonly yes?: boolean;
  readonly plan?: boolean;
  readonly overrideFreeze?: string;
};

const fromOption = [
  '--from <env>',
  'where it is live; without it the only one that `promoteFrom` allows',
] as const;
const toOption = ['--to <env>', 'where it is to go; without it the only one that may be'] as const;

export const addPipelineCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(withAppAlone(program.command('pipelines')))
    .description('the environments of an app in the order of promotion, with what is live in each')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const pipeline = await client.ask<PipelineAnswer>(`${appAddress(app)}/pipeline`);
      if (options.json) return terminal.printJson(pipeline);
      for (const line of listChains(pipeline)) terminal.print(line);
    });

  withJson(withAppAlone(program.command('pipelines:diff')))
    .option(...fromOption)
    .option(...toOption)
    .description('what a promotion would bring: commits, processes, and names of variables')
    .action(async (_options, command) => {
      const options = optionsOf<PairOptions>(command);
      const client = session.open(options);
      const difference = await readPromotion(client, await session.findApp(client, options), options);
      if (options.json) return terminal.printJson(difference);
      for (const line of listPromotionLines(difference)) terminal.print(line);
    });

  withPlan(withJson(withAppAlone(program.command('promote'))))
    .option(...fromOption)
    .option(...toOption)
    .option('--yes', 'ask nothing')
    .option('--no-wait', 'return as soon as it is queued')
    .option('--override-freeze <reason>', 'why it goes out in spite of a freeze')
    .description("deploy the image that another environment proved; the exit code is the deploy's")
    .action((_options, command) => promote(session, optionsOf<PromoteOptions>(command)));
};

/** Shows what it brings, asks on a terminal, and promotes exactly what was shown. */
async function promote(
  session: Session,
  options: ReturnType<typeof optionsOf<PromoteOptions>>,
): Promise<void> {
  const client = session.open(options);
  const app = await session.findApp(client, options);
  const difference = await readPromotion(client, app, options);
  const { from, to } = difference;
  const { overrideFreeze } = options;
  const body = {
    from: from.env,
    to: to.env,
    version: from.release,
    ...(overrideFreeze === undefined ? {} : { overrideFreeze }),
  };
  const path = `${appAddress(app)}/promote`;
  if (options.plan) return printPlan(session, client, { path, body, json: options.json });
  for (const line of listPromotionLines(difference)) session.terminal.say(line);
  await confirm(session, to.env, options.yes);
  const deploy = await client.ask<DeployAnswer>(path, { method: 'POST', body });
  await finishDeploy(session, client, deploy, options);
}

async function confirm({ terminal }: Session, env: string, yes: boolean | undefined): Promise<void> {
  if (yes || !terminal.interactive) return;
  const answer = await terminal.ask(`Promote this to ${env}? (y/N) `);
  if (!/^y(es)?$/i.test(answer)) throw new Failure('not_confirmed', 'Nothing was promoted.');
}

function readPromotion(client: Client, app: string, { from, to }: PairOptions): Promise<PromotionAnswer> {
  return client.ask<PromotionAnswer>(`${appAddress(app)}/pipeline/diff`, { query: { from, to } });
}
