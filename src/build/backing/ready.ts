import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { askEngine } from '../../fleet/ask.ts';
import { parseExit } from '../../fleet/container.ts';
import { inspectContainer } from '../../fleet/create.ts';
import { type ContainerInspect, statusOf } from '../../fleet/docker.ts';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { readLogs } from '../../fleet/perform.ts';
import type { DeployLog } from '../../log/deploy-log.ts';
import type { Service } from '../../model/manifest.ts';

export type Waiting = {
  readonly connection: ServerConnection;
  /** Of its container. */
  readonly name: string;
  readonly network: string;
  readonly log: DeployLog;
  readonly signal: AbortSignal;
};

const readyMs = 60_000;
const askMs = 5_000;
const betweenMs = 100;
const lastLinesMs = 5_000;

/** Waits until a service is ready. Throws `service_not_ready` with what was seen and its last lines in the log. */
export async function awaitReady(service: Service, waiting: Waiting): Promise<void> {
  const { connection, name, signal } = waiting;
  const deadline = performance.now() + readyMs;
  while (performance.now() < deadline) {
    const inspect = await inspectContainer(connection, name, signal);
    const exit = inspect === null ? null : parseExit(inspect);
    if (inspect === null) throw await notReady(service, waiting, 'was removed while it started');
    if (exit !== null) throw await notReady(service, waiting, exit.reason);
    if (await isReady(service, inspect, waiting)) return;
    await pause(betweenMs, undefined, { signal });
  }
  const wanted =
    service.ready === null
      ? `accepted no connection on port ${service.port}`
      : `was not ready by "${service.ready.join(' ')}"`;
  throw await notReady(service, waiting, `${wanted} for ${readyMs / 1000} s`);
}

async function isReady(service: Service, inspect: ContainerInspect, waiting: Waiting): Promise<boolean> {
  const late = AbortSignal.timeout(askMs);
  const signal = AbortSignal.any([waiting.signal, late]);
  try {
    if (service.ready !== null) return await succeeds(service.ready, { ...waiting, signal });
    const address = inspect.NetworkSettings.Networks[waiting.network]?.IPAddress;
    if (!address) return false;
    const socket = await waiting.connection.openTcp(address, service.port, signal);
    socket.destroy();
    return true;
  } catch (error) {
    waiting.signal.throwIfAborted();
    // Refused, without an answer in time, or ending (409): it is not ready yet, and is looked at again.
    const status = statusOf((error as Failure).cause);
    if (late.aborted || service.ready === null || status === 409) return false;
    if (status !== 400) throw error;
    throw await notReady(service, waiting, `has no such command: ${(error as Error).message}`);
  }
}

/** Runs a command in the container: true for exit code 0. */
async function succeeds(command: readonly string[], waiting: Waiting): Promise<boolean> {
  const { connection, name, signal } = waiting;
  const ask = { connection, what: `run "${command[0]}" in ${name}`, signal };
  const exec = await askEngine(ask, (abortSignal) =>
    connection.docker.getContainer(name).exec({ Cmd: [...command], abortSignal }),
  );
  await askEngine(ask, (abortSignal) => exec.start({ Detach: true, abortSignal }));
  for (;;) {
    const { Running, ExitCode } = await askEngine(ask, (abortSignal) => exec.inspect({ abortSignal }));
    if (!Running) return ExitCode === 0;
    await pause(betweenMs, undefined, { signal });
  }
}

async function notReady(service: Service, { connection, name, log }: Waiting, how: string): Promise<Failure> {
  const signal = AbortSignal.timeout(lastLinesMs);
  const text = await readLogs(connection, name, { tail: 20 }, signal).catch(
    (error) => `(its log cannot be read: ${error.message})`,
  );
  log.warning(`The last lines of ${service.name}:`);
  log.detail(text.trim() === '' ? '(it wrote nothing)' : text);
  return new Failure('service_not_ready', `${service.name} (${service.image}) ${how}`);
}
