import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { statusOf, toFailure } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { unlessAborted } from './shared.ts';

export type Ask = {
  readonly connection: ServerConnection;
  /** What is being tried, for messages: "start shop-production-v3-web-1". */
  readonly what: string;
  readonly signal: AbortSignal;
  /** The engine's time to answer, in ms. */
  readonly deadlineMs?: number;
};

const answerMs = 60_000;
const lookAgainMs = 500;
const lookUntilMs = 15_000;

/**
 * One request to a server's engine. It rejects with the signal's reason, with `docker_lost` when no answer came
 * (the step may have happened), or with what the engine said; `statusOf` of the failure's cause has its status.
 */
export async function askEngine<T>(ask: Ask, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { connection, what, signal, deadlineMs = answerMs } = ask;
  const { server, closed } = connection;
  const late = AbortSignal.timeout(deadlineMs);
  try {
    const bounded = AbortSignal.any([signal, closed, late]);
    bounded.throwIfAborted();
    return await unlessAborted(request(bounded), bounded);
  } catch (error) {
    signal.throwIfAborted();
    const place = `${what} on ${server.name}`;
    if (closed.aborted) throw lost(`${place}: ${(closed.reason as Error).message}`, error);
    if (late.aborted) throw lost(`${place}: no answer from the engine for ${deadlineMs / 1000} s`, error);
    throw toFailure(error, place);
  }
}

/**
 * Repeats a step whose outcome is unknown, while the connection lives: the engine may be starting again. Only for
 * steps to which "already there" is success.
 */
export async function untilAnswered<T>(
  connection: ServerConnection,
  signal: AbortSignal,
  step: () => Promise<T>,
): Promise<T> {
  let lookUntil: number | null = null;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (connection.closed.aborted) throw error;
      if (isLost(error)) lookUntil ??= performance.now() + lookUntilMs;
      if (lookUntil === null || performance.now() > lookUntil || !mayComeBack(error)) throw error;
    }
    await sleep(lookAgainMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** The answer, or null when the engine says that there is no such thing (404) or that it is so already (304). */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const status = statusOf((error as Failure).cause);
    if (status === 404 || status === 304) return null;
    throw error;
  }
}

function isLost(error: unknown): boolean {
  return error instanceof Failure && error.code === 'docker_lost';
}

function mayComeBack(error: unknown): boolean {
  return isLost(error) || (error instanceof Failure && error.code === 'server_no_docker');
}

function lost(message: string, cause: unknown): Failure {
  return new Failure('docker_lost', message, { cause });
}
