import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { type Docker, statusOf, toFailure } from '../fleet/docker.ts';
import type { Registry } from './registry.ts';
import { explainTransfer, readTransfer } from './transfer.ts';

export type PullSource = {
  /** The server's engine. */
  readonly docker: Docker;
  readonly registry: Registry;
  /** `host:port` under which that engine reaches the registry. */
  readonly address: string;
  readonly signal: AbortSignal;
};

const tries = 4;
const pauseMs = 500;

/** Pulls by the full name, again when the registry is away for a moment. */
export async function pullUntilThere(request: PullSource, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await pull(request, name);
    } catch (error) {
      request.signal.throwIfAborted();
      const away = error instanceof Failure && error.code === 'registry_unreachable';
      if (!away || attempt === tries) throw error;
    }
    await sleep(pauseMs * 2 ** attempt, undefined, { signal: request.signal });
  }
}

async function pull({ docker, registry, address, signal }: PullSource, name: string): Promise<void> {
  const what = `pull from ${address}`;
  const auth = registry.auth === null ? {} : { authconfig: { ...registry.auth } };
  try {
    const answer: NodeJS.ReadableStream = await docker.pull(name, { ...auth, abortSignal: signal });
    await readTransfer(answer, what);
  } catch (error) {
    signal.throwIfAborted();
    const status = statusOf(error);
    if (status === 404)
      throw new Failure('image_not_in_registry', `${what}: ${name} is not there`, { cause: error });
    throw status === undefined ? toFailure(error, what) : explainTransfer((error as Error).message, what);
  }
}
