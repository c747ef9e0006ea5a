import { formatDuration, formatSize } from '../config/units.ts';
import { Failure } from '../failure.ts';
import type { ExitState } from '../fleet/container.ts';
import type { ServerConnection } from '../fleet/fleet.ts';
import { type Labels, removeLabelled } from '../fleet/labelled.ts';
import { ensureNamedNetwork } from '../fleet/network.ts';
import { runOnce } from '../fleet/perform.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import type { Check, Service } from '../model/manifest.ts';
import type { Resources } from '../model/release.ts';
import { planApart } from './backing/spec.ts';
import { startServices } from './backing/start.ts';
import { explainEngine } from './engine-build.ts';
import { shorten } from './explain.ts';

export type CheckRequest = {
  /** The builder's engine. */
  readonly connection: ServerConnection;
  readonly imageId: string;
  readonly check: Check;
  readonly services: readonly Service[];
  /** What every container of the app is told; the app's own env wins over it. */
  readonly variables: Readonly<Record<string, string>>;
  /** Name of the network, and beginning of the names of all containers: of this run alone on that engine. */
  readonly owner: string;
  /** Of this run alone; by them it is removed. */
  readonly labels: Labels;
  readonly limits: { readonly check: Resources; readonly service: Resources };
  readonly log: DeployLog;
  readonly signal: AbortSignal;
};

const shownLines = 5;
const removeMs = 60_000;

/**
 * Runs an app's own tests in its built image, with its services beside it in a network of their own; what it made is
 * left to `removeCheck`. Throws `check_failed`, `check_out_of_memory`, `check_timeout`, `service_image_missing`,
 * `service_not_ready`.
 */
export async function performCheck(request: CheckRequest): Promise<void> {
  const { connection, check, services, owner, labels, limits, log, signal } = request;
  try {
    await ensureNamedNetwork(connection, { name: owner, labels }, signal);
    if (services.length > 0) log.step(`Starting ${services.map(({ name }) => name).join(', ')}`);
    const urls = await startServices({
      ...{ connection, services, owner, labels, log, signal },
      network: owner,
      resources: limits.service,
      restart: 'no',
    });
    log.step(`Testing: ${describeCommand(check)} (limit ${formatDuration(check.timeoutMs)})`);
    await runTests(request, urls);
  } catch (error) {
    signal.throwIfAborted();
    throw explainEngine(error, 'test on the builder');
  }
}

/** Removes whatever a check with these labels made. */
export async function removeCheck(connection: ServerConnection, labels: Labels): Promise<void> {
  await removeLabelled(connection, labels, AbortSignal.timeout(removeMs));
}

async function runTests(request: CheckRequest, urls: Readonly<Record<string, string>>): Promise<void> {
  const { connection, check, owner, labels, limits, log, signal } = request;
  const spec = planApart({
    name: owner,
    image: request.imageId,
    command: check.command,
    env: { ...request.variables, ...urls, ...check.env },
    resources: limits.check,
    network: owner,
    alias: null,
    labels,
    restart: 'no',
  });
  const lines: string[] = [];
  const begin = performance.now();
  const show = (line: string) => {
    log.detail(line);
    lines.push(line);
    if (lines.length > shownLines) lines.shift();
  };
  // Whoever stops it has it removed, which is quicker than asking it to end.
  const options = { log: show, timeoutMs: check.timeoutMs, signal, leave: signal };
  const exit = await runOnce(connection, spec, options).catch((error) => {
    throw explainRun(error, check);
  });
  const failure = explainExit(exit, limits.check, lines);
  if (failure !== null) throw failure;
  log.detail(`The tests passed after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

/** What a red test means to its pusher: how it ended and its last words; null for a green one. Pure. */
export function explainExit(
  { exitCode, oomKilled }: Pick<ExitState, 'exitCode' | 'oomKilled'>,
  limits: Pick<Resources, 'memory'>,
  lines: readonly string[],
): Failure | null {
  if (exitCode === 0) return null;
  const said = lines.map((line) => `\n  ${line.slice(0, 300)}`).join('');
  if (!oomKilled) return new Failure('check_failed', `the tests ended with exit code ${exitCode}${said}`);
  const limit = formatSize(limits.memory);
  return new Failure(
    'check_out_of_memory',
    `the tests needed more than ${limit} of memory (builders.memory)${said}`,
  );
}

/** A shell's line is shown without the shell. */
function describeCommand({ command }: Check): string {
  return shorten(command[1] === '-c' ? command.slice(2).join(' ') : command.join(' '));
}

function explainRun(error: unknown, { timeoutMs }: Check): unknown {
  if (!(error instanceof Failure)) return error;
  if (error.code === 'run_timed_out') {
    const limit = `${formatDuration(timeoutMs)} (environments.test.timeout)`;
    return new Failure('check_timeout', `the tests were stopped: they have ${limit}`, { cause: error });
  }
  if (error.code !== 'container_not_started') return error;
  return new Failure('check_failed', `the tests cannot be started: ${error.message}`, { cause: error });
}
