import type { Command } from 'commander';
import { appAddress } from './addresses.ts';
import type { DeployAnswer } from './answers.ts';
import { optionsOf, withApp, withJson } from './command.ts';
import { finishDeploy } from './commands/deploys.ts';
import { printPlan, withPlan } from './plan.ts';
import type { CommonOptions, Session } from './session.ts';

type ChangeOptions = { readonly plan?: boolean; readonly wait: boolean; readonly overrideFreeze?: string };

type ChangeAnswer = {
  readonly env: string;
  readonly changed: boolean;
  readonly change: string;
  readonly deploy: DeployAnswer | null;
};

/** The options of every command that makes a release without a build. */
export function withChange(command: Command): Command {
  return withPlan(withJson(withApp(command)))
    .option('--no-wait', 'return as soon as it is queued')
    .option('--override-freeze <reason>', 'why it goes out in spite of a freeze');
}

/** Asks for a change at an address of the app, and shows the deploy that brings it until it ends. */
export async function performChange(
  session: Session,
  command: Command,
  address: string,
  wanted: object,
): Promise<void> {
  const options = optionsOf<ChangeOptions & CommonOptions>(command);
  const client = session.open(options);
  const app = await session.findApp(client, options);
  const { env, overrideFreeze } = options;
  const body = {
    ...wanted,
    ...(env === undefined ? {} : { env }),
    ...(overrideFreeze === undefined ? {} : { overrideFreeze }),
  };
  const path = `${appAddress(app)}/${address}`;
  if (options.plan) return printPlan(session, client, { path, body, json: options.json });
  const answer = await client.ask<ChangeAnswer>(path, { method: 'POST', body });
  if (answer.deploy !== null) return finishDeploy(session, client, answer.deploy, options);
  if (options.json) return session.terminal.printJson(answer);
  session.terminal.say(
    answer.changed
      ? `Set for ${app}/${answer.env} (${answer.change}); nothing is live yet, so it takes effect with the first push.`
      : 'Nothing changed: it is so already.',
  );
}
