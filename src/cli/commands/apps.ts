import { Failure } from '../../failure.ts';
import { toPlain } from '../../model/plain-text.ts';
import { appAddress } from '../addresses.ts';
import type { AppAnswer, DeployAnswer, LockAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf, withApp, withJson } from '../command.ts';
import type { Session } from '../session.ts';
import { orDash, shortCommit, time, version } from '../words.ts';
import { finishDeploy } from './deploys.ts';

type RenameOptions = { readonly wait: boolean; readonly overrideFreeze?: string };
type RenameAnswer = {
  readonly name: string;
  readonly remote: string;
  readonly deploys: readonly DeployAnswer[];
};

export const addAppCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  withJson(program.command('apps'))
    .description('list the apps')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const { items } = await session.open(options).ask<Page<AppAnswer>>('/apps');
      if (options.json) return terminal.printJson(items);
      if (items.length === 0) terminal.say('There are no apps yet: hawser apps:create NAME');
      terminal.printTable(['APP', 'ENVIRONMENTS', 'CREATED'], items.map(describeRow));
    });

  withJson(program.command('apps:create'))
    .argument('<name>', 'lower-case letters, digits and dashes')
    .description('make an app and print its remote')
    .action(async (name: string, _options, command) => {
      const options = optionsOf(command);
      const app = await session.open(options).ask<AppAnswer>('/apps', { method: 'POST', body: { name } });
      if (options.json) return terminal.printJson(app);
      terminal.say(`Created ${app.name}. In the folder of its code:`);
      terminal.print(`git remote add hawser ${app.remote}`);
      terminal.print(`hawser tokens:create --app ${app.name}`);
      terminal.say('then, with the token as the password:\ngit push hawser main');
    });

  withJson(withApp(program.command('apps:info')))
    .description('environments, domains and current releases of an app')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const client = session.open(options);
      const app = await client.ask<AppAnswer>(appAddress(await session.findApp(client, options)));
      if (options.json) return terminal.printJson(app);
      printApp(session, app);
    });

  withJson(program.command('apps:rename'))
    .argument('<old>', 'the app')
    .argument('<new>', 'lower-case letters, digits and dashes')
    .option('--no-wait', 'return as soon as it is queued')
    .option('--override-freeze <reason>', 'why it goes out in spite of a freeze')
    .description('give an app another name; what runs is brought to it without a build')
    .action(async (old: string, name: string, _options, command) => {
      const options = optionsOf<RenameOptions>(command);
      const client = session.open(options);
      const { overrideFreeze } = options;
      const path = `${appAddress(old)}/rename`;
      const renamed = await client.ask<RenameAnswer>(path, {
        method: 'POST',
        body: { name, overrideFreeze },
      });
      terminal.say(`${old} is called ${renamed.name} now. In the folder of its code:`);
      terminal.say(`git remote set-url hawser ${renamed.remote}`);
      if (options.json && !options.wait) return terminal.printJson(renamed);
      for (const deploy of renamed.deploys) await finishDeploy(session, client, deploy, options);
    });

  withJson(withApp(program.command('apps:destroy')))
    .argument('[name]', 'the app; the same as --app')
    .option('--confirm <name>', 'the name again, instead of the question')
    .description('destroy an app with everything that it has')
    .action(async (name: string | undefined, _options, command) => {
      const options = optionsOf<{ confirm?: string }>(command);
      const client = session.open(options);
      const app = name ?? (await session.findApp(client, options));
      await client.ask(appAddress(app));
      await confirm(session, app, options.confirm);
      const gone = await client.ask(appAddress(app), { method: 'DELETE' });
      if (options.json) return terminal.printJson(gone);
      terminal.say(`${app} is gone; what it left on the servers is being removed.`);
    });
};

function describeRow({ name, environments, createdAt }: AppAnswer): string[] {
  const shown = environments.map((environment) => `${environment.name} ${version(environment.release)}`);
  return [name, orDash(shown.join(', ')), time(createdAt)];
}

function printApp({ terminal }: Session, app: AppAnswer): void {
  terminal.print(`app      ${app.name}`);
  terminal.print(`remote   ${app.remote}`);
  terminal.print(`created  ${time(app.createdAt)} by ${app.createdBy}`);
  if (app.environments.length === 0) {
    terminal.say(`Nothing was pushed to it yet: git remote add hawser ${app.remote}`);
    return;
  }
  terminal.printTable(
    ['ENV', 'RELEASE', 'COMMIT', 'URL', 'SERVERS', 'DEPLOYING'],
    app.environments.map(({ name, release, commit, urls, servers, deploying }) => [
      name,
      version(release),
      shortCommit(commit),
      urls.join(' '),
      servers.join(','),
      orDash(deploying.join(',')),
    ]),
  );
  for (const lock of app.locks) terminal.print(describeLock(app.name, lock));
  for (const { name, maintenance } of app.environments) {
    if (maintenance !== null) terminal.print(`${name} is in maintenance${maintenance && `: ${maintenance}`}`);
  }
}

function describeLock(app: string, { env, message, lockedBy, lockedAt, expiresAt }: LockAnswer): string {
  const what = env === null ? app : `${app}/${env}`;
  const until = expiresAt === null ? '' : ` until ${time(expiresAt)} UTC`;
  return toPlain(`${what} is locked by ${lockedBy} since ${time(lockedAt)} UTC${until}: ${message}`);
}

async function confirm({ terminal }: Session, app: string, given: string | undefined): Promise<void> {
  if (given === undefined && !terminal.interactive) {
    throw new Failure('not_confirmed', `This destroys ${app}: say it again with --confirm ${app}.`);
  }
  const answer =
    given ?? (await terminal.ask(`This destroys ${app} and all its releases. Type its name to go on: `));
  if (answer !== app) throw new Failure('not_confirmed', `That is not ${app}: nothing was changed.`);
}
