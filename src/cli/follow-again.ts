import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Asking, Client } from './client.ts';
import type { StreamEvent } from './events.ts';

const patienceMs = 60_000;
const pauseMs = 500;

/**
 * Events without end: over a lost connection or a restart of the server it goes on behind the last event, until the
 * signal aborts. Throws what the server refuses, and `hawser_unreachable` after a minute without an answer.
 */
export async function* followAgain(
  client: Client,
  path: string,
  { query, signal }: { readonly query?: Asking['query'] | undefined; readonly signal: AbortSignal },
): AsyncGenerator<StreamEvent> {
  let lastId: string | undefined;
  let lostSince: number | undefined;
  while (!signal.aborted) {
    try {
      for await (const event of client.follow(path, { query, lastId, signal })) {
        lostSince = undefined;
        lastId = event.id ?? lastId;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      lostSince ??= performance.now();
      if (!isLost(error) || performance.now() - lostSince > patienceMs) throw error;
    }
    // The pause rejects at the end of the signal, which the loop then sees.
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function isLost(error: unknown): boolean {
  return error instanceof Failure && error.code === 'hawser_unreachable';
}
