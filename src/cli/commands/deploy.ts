import { Failure } from '../../failure.ts';
import { appAddress } from '../addresses.ts';
import type { DeployAnswer } from '../answers.ts';
import { type AddCommands, optionsOf } from '../command.ts';
import { withChange } from '../follow-change.ts';
import { printPlan } from '../plan.ts';
import { finishDeploy } from './deploys.ts';

type DeployOptions = {
  readonly image?: string;
  readonly commit?: string;
  readonly cache: boolean;
  readonly plan?: boolean;
  readonly wait: boolean;
  readonly overrideFreeze?: string;
};

export const addDeployCommand: AddCommands = (program, session) => {
  withChange(program.command('deploy'))
    .option('--image <name>', 'like nginx:1.27 or registry.example.com/team/app@sha256:…')
    .option('--commit <id>', 'one that was pushed before, by its 40 digits or the first 7 and more')
    .option('--no-cache', 'build the commit without the cache')
    .description(
      'deploy an image that was built elsewhere, or a commit that was pushed; new sources come by git push',
    )
    .action(async (_options, command) => {
      const options = optionsOf<DeployOptions>(command);
      if ((options.image === undefined) === (options.commit === undefined)) {
        throw new Failure('wrong_usage', 'hawser deploy takes --image or --commit.');
      }
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const { env, image, commit, cache, overrideFreeze } = options;
      const path = `${appAddress(app)}/deploys`;
      const body = { env, image, commit, ...(cache ? {} : { noCache: true }), overrideFreeze };
      if (options.plan) return printPlan(session, client, { path, body, json: options.json });
      const deploy = await client.ask<DeployAnswer>(path, { method: 'POST', body });
      await finishDeploy(session, client, deploy, options);
    });
};
