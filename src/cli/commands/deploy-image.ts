import type { DeployAnswer } from '../answers.ts';
import { type AddCommands, optionsOf } from '../command.ts';
import { withChange } from '../follow-change.ts';
import { printPlan } from '../plan.ts';
import { finishDeploy } from './deploys.ts';

type ImageOptions = {
  readonly image: string;
  readonly plan?: boolean;
  readonly wait: boolean;
  readonly overrideFreeze?: string;
};

export const addImageCommands: AddCommands = (program, session) => {
  withChange(program.command('deploy'))
    .requiredOption('--image <name>', 'like nginx:1.27 or registry.example.com/team/app@sha256:…')
    .description('deploy an image that was built elsewhere; a source is deployed by git push')
    .action(async (_options, command) => {
      const options = optionsOf<ImageOptions>(command);
      const client = session.open(options);
      const app = await session.findApp(client, options);
      const { env, image, overrideFreeze } = options;
      const path = `/apps/${encodeURIComponent(app)}/deploys`;
      const body = { env, image, overrideFreeze };
      if (options.plan) return printPlan(session, client, { path, body, json: options.json });
      const deploy = await client.ask<DeployAnswer>(path, { method: 'POST', body });
      await finishDeploy(session, client, deploy, options);
    });
};
