import type { Agent } from 'node:http';
import Dockerode from 'dockerode';
import { Failure } from '../failure.ts';

/** One engine's API; only this file knows which library speaks it. */
export type Docker = Dockerode;
export type ContainerSpec = Dockerode.ContainerCreateOptions & { readonly name: string };
export type ContainerEntry = Dockerode.ContainerInfo;
export type ContainerInspect = Dockerode.ContainerInspectInfo;
export type NetworkInspect = Dockerode.NetworkInspectInfo;

/** The engine of this machine. */
export function openLocalDocker(options: { socketPath?: string } = {}): Docker {
  return new Dockerode({ socketPath: options.socketPath ?? '/var/run/docker.sock' });
}

/** An engine at the far end of whatever the agent's connections are, such as channels of an SSH connection. */
export function openDockerOver(agent: Agent): Docker {
  const options = { protocol: 'http' as const, host: 'docker', port: 80, agent };
  return new Dockerode(options);
}

const lostErrors = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/**
 * What an engine's error means to a user. `what` says what was tried and where: "start shop-web-1 on app1".
 * Failures and aborts come back as they are.
 */
export function toFailure(error: unknown, what: string): Error {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error)) return new Failure('docker_failed', `${what}: ${String(error)}`);
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return error;
  const message = engineMessage(error);
  if (isPortTaken(message)) return new Failure('port_taken', `${what}: ${message}`, { cause: error });
  if (isDiskFull(message)) return new Failure('server_disk_low', `${what}: ${message}`, { cause: error });
  if (isSocketMissing(error)) return new Failure('server_no_docker', `${what}: ${message}`, { cause: error });
  if (isOutcomeUnknown(error)) return new Failure('docker_lost', `${what}: ${message}`, { cause: error });
  return new Failure('docker_failed', `${what}: ${message}`, { cause: error });
}

/** HTTP status that the engine answered with; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** True when the engine was asked and no answer came: the step may or may not have happened. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof Failure) return error.code === 'docker_lost';
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && lostErrors.has(code)) return true;
  return message === 'socket hang up' || message === 'aborted';
}

/** The container's address, not its port: somebody has it whom the engine did not name. */
export function isAddressTaken(message: string): boolean {
  return message.includes('Address already in use');
}

/** A container that the engine has forgotten to have started, and the runtime below it has not. */
export function isStartedBelow(message: string): boolean {
  return /id already in use|task .* already exists/.test(message);
}

function isSocketMissing(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'EACCES';
}

/** What the kernel says of a full disk, in whatever the engine makes of it. */
export function isDiskFull(message: string): boolean {
  return /no space left on device|disk quota exceeded/i.test(message);
}

function isPortTaken(message: string): boolean {
  return message.includes('port is already allocated') || message.includes('address already in use');
}

function engineMessage(error: Error): string {
  const json = (error as { json?: { message?: unknown } | null }).json;
  const text = typeof json?.message === 'string' ? json.message : error.message;
  return text.trim();
}
