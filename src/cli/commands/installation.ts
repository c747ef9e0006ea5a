import { resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { Failure } from '../../failure.ts';
import type { FindingAnswer, Page } from '../answers.ts';
import { type AddCommands, optionsOf, withJson } from '../command.ts';
import { configName } from '../connect.ts';
import { exitCodes } from '../exit.ts';
import { printFindings } from '../findings.ts';
import type { CommonOptions, Session } from '../session.ts';

type ApplyAnswer = { readonly lines: readonly string[] };

export const addInstallationCommands: AddCommands = (program, session) => {
  const { terminal } = session;
  program
    .command('up')
    .description('start the server, workers and what the file calls embedded, in the foreground')
    .action(async (_options, command) => {
      const config = await readConfigOf(session, optionsOf(command));
      const { runUp } = await import('../../up.ts');
      await runUp({ config, env: pickEnvironment(session.env), say: terminal.say });
    });

  program
    .command('server')
    .description('the server alone')
    .action(async (_options, command) => {
      const config = await readConfigOf(session, optionsOf(command));
      const { readConfig } = await import('../../config.ts');
      const { runServer } = await import('../../server.ts');
      await runServer(config, () => readConfig(config.file, session.env));
    });

  program
    .command('worker')
    .option('--role <role...>', 'build, rollout, upkeep; all of them without it')
    .description('a worker alone')
    .action(async (_options, command) => {
      const options = optionsOf<{ role?: readonly string[] }>(command);
      const { runWorker, workerRoles } = await import('../../worker.ts');
      const wrong = options.role?.find((name) => !workerRoles.some((role) => role === name));
      if (wrong !== undefined) {
        throw new Failure('wrong_usage', `--role ${JSON.stringify(wrong)}: use ${workerRoles.join(', ')}.`);
      }
      const roles = workerRoles.filter((role) => options.role?.includes(role) ?? true);
      await runWorker(await readConfigOf(session, options), roles);
    });

  withJson(program.command('apply'))
    .option('--plan', 'only print the difference')
    .description('bring the running server to the file')
    .action(async (_options, command) => {
      const options = optionsOf<{ plan?: boolean }>(command);
      const client = session.open(options);
      const { lines } = await client.ask<ApplyAnswer>('/apply');
      if (options.json) terminal.printJson({ lines });
      else for (const line of lines) terminal.print(line);
      if (lines.length === 0) return terminal.say('Nothing to do: the file is what runs.');
      if (options.plan) return;
      await client.ask<ApplyAnswer>('/apply', { method: 'POST', body: {} });
      terminal.say('Applied: the server and its workers start anew with the file.');
    });

  withJson(program.command('doctor'))
    .description('what is wrong with the installation, each with its next step')
    .action(async (_options, command) => {
      const options = optionsOf(command);
      const findings = await examine(session, options);
      printFindings(session, findings.items, options);
      if (!findings.answered) session.end(exitCodes.outOfReach);
    });
};

/** The server's own findings; when it does not answer, what can be seen without it. */
async function examine(
  session: Session,
  options: CommonOptions,
): Promise<{ readonly answered: boolean; readonly items: readonly FindingAnswer[] }> {
  try {
    const { items } = await session.open(options).ask<Page<FindingAnswer>>('/doctor');
    return { answered: true, items };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'hawser_unreachable') throw error;
    const server = { name: 'server', state: 'failed', detail: error.message, fix: error.fix } as const;
    return { answered: false, items: [await examineFile(session, options), server] };
  }
}

async function examineFile(session: Session, options: CommonOptions): Promise<FindingAnswer> {
  try {
    const { file } = await readConfigOf(session, options);
    return { name: 'config', state: 'ok', detail: `${file} is valid`, fix: null };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { name: 'config', state: 'failed', detail: error.message, fix: error.fix };
  }
}

async function readConfigOf({ env, cwd }: Session, { config }: CommonOptions): Promise<Config> {
  const { readConfig } = await import('../../config.ts');
  return readConfig(resolve(cwd, config ?? configName), env);
}

/** What the parts that we start may see of our environment; values that the file reads come by name. */
function pickEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
