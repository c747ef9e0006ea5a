import { Command, CommanderError } from 'commander';
import { addAccessCommands } from './commands/access.ts';
import { addApprovalCommands } from './commands/approvals.ts';
import { addAppCommands } from './commands/apps.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addConfigCommands } from './commands/config.ts';
import { addContainerCommands } from './commands/containers.ts';
import { addImageCommands } from './commands/deploy-image.ts';
import { addDeployCommands } from './commands/deploys.ts';
import { addDiskCommands } from './commands/disk.ts';
import { addDomainCommands } from './commands/domains.ts';
import { addEventCommands } from './commands/events.ts';
import { addFreezeCommands } from './commands/freezes.ts';
import { addInstallationCommands } from './commands/installation.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addLockCommands } from './commands/locks.ts';
import { addLoginCommands } from './commands/login.ts';
import { addMaintenanceCommands } from './commands/maintenance.ts';
import { addNotificationCommands } from './commands/notifications.ts';
import { addPipelineCommands } from './commands/pipelines.ts';
import { addScaleCommands } from './commands/ps-scale.ts';
import { addReleaseCommands } from './commands/releases.ts';
import { addRunCommands } from './commands/runs.ts';
import { addSecretsCommands } from './commands/secrets.ts';
import { addServerChangeCommands } from './commands/server-changes.ts';
import { addServerCommands } from './commands/servers.ts';
import { addTokenCommands } from './commands/tokens.ts';
import { addUserCommands } from './commands/users.ts';
import { addWebhookCommands } from './commands/webhooks.ts';
import { describeError, type ExitCode, exitCodeOf, exitCodes } from './exit.ts';
import { openSession, type Session } from './session.ts';
import { openTerminal, type TerminalStreams } from './terminal.ts';

export type CommandLine = Omit<TerminalStreams, 'noColor' | 'isDumb'> & {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly version: string;
};

/** Runs one command line to its end and answers with its exit code; errors are told on stderr. */
export async function runCommandLine(line: CommandLine): Promise<number> {
  const { argv, env, cwd, version, ...streams } = line;
  const terminal = openTerminal({ ...streams, noColor: env.NO_COLOR, isDumb: env.TERM === 'dumb' });
  const session = openSession({ env, cwd, terminal });
  try {
    const words = argv.length === 0 ? ['--help'] : [...argv];
    await openProgram(session, version, streams).parseAsync(words, { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return tellUsage(session, error);
    for (const text of describeError(error)) terminal.say(text);
    return exitCodeOf(error);
  }
}

/** Every command; `docs/commands.md` is made from it. */
export function openProgram(
  session: Session,
  version: string,
  streams: Pick<CommandLine, 'stdout' | 'stderr'>,
): Command {
  const program = new Command('hawser');
  program
    .description('git push to deploy, on your own servers')
    .version(version)
    .usage('NOUN[:VERB] [options]')
    .option('--config <file>', 'which installation; deploy.config.json of this folder without it')
    .helpCommand('help [command]', 'what a command does and takes')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      // Told in our own grammar, with a code and a next step.
      writeErr: () => undefined,
    });
  const adders = [
    addInstallationCommands,
    addAppCommands,
    addImageCommands,
    addDeployCommands,
    addCompletionCommands,
    addEventCommands,
    addReleaseCommands,
    addPipelineCommands,
    addApprovalCommands,
    addFreezeCommands,
    addLockCommands,
    addConfigCommands,
    addContainerCommands,
    addScaleCommands,
    addRunCommands,
    addDomainCommands,
    addMaintenanceCommands,
    addServerCommands,
    addServerChangeCommands,
    addLoginCommands,
    addUserCommands,
    addAccessCommands,
    addTokenCommands,
    addKeyCommands,
    addDiskCommands,
    addSecretsCommands,
    addAuditCommands,
    addWebhookCommands,
    addNotificationCommands,
  ];
  for (const add of adders) add(program, session);
  for (const command of program.commands) command.copyInheritedSettings(program);
  return program;
}

function tellUsage({ terminal }: Session, error: CommanderError): ExitCode {
  if (error.exitCode === 0) return exitCodes.done;
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const hint = rest.join(' ').replace(/^\((.*)\)$/, '$1');
  terminal.say(` !     ${message}`);
  terminal.say('       code: wrong_usage');
  terminal.say(`       fix: ${hint === '' ? 'hawser help COMMAND shows what it takes.' : hint}`);
  return exitCodes.wrongUsage;
}
