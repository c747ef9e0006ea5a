import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { type Problem, toProblem } from './problem.ts';

/** One server-sent event; `id` is where a follower that lost the connection goes on. */
export type ServerEvent = { readonly event?: string; readonly id?: string; readonly data: unknown };

/** An answer that comes piece by piece: events, or lines of plain text. */
export type Streamed =
  | { readonly events: AsyncIterable<ServerEvent> }
  | { readonly lines: AsyncIterable<string> };

export type StreamOptions = {
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** Throws once the asker may not ask any more; asked every few seconds. */
  stillAllowed(): Promise<void>;
  report(error: unknown): void;
};

const checkMs = 3_000;
const quietChecks = 5;

/** The bytes of a streamed answer; what goes wrong in it is told as its last event or line. */
export function openStream(answer: Streamed, options: StreamOptions): PassThrough {
  const out = new PassThrough();
  const pieces =
    'events' in answer
      ? formatAll(answer.events, formatEvent)
      : formatAll(answer.lines, (line) => `${line}\n`);
  const formatProblem = (problem: Problem) =>
    'events' in answer
      ? formatEvent({ event: 'error', data: problem })
      : ` !     ${problem.detail} (${problem.code})\n       ${problem.fix}\n`;
  // A comment line of the event stream keeps proxies from closing a quiet connection.
  const sign = 'events' in answer ? ': still here\n\n' : '';
  void pump(out, pieces, { ...options, formatProblem, sign });
  return out;
}

async function pump(
  out: PassThrough,
  pieces: AsyncIterable<string>,
  options: StreamOptions & { formatProblem(problem: Problem): string; sign: string },
): Promise<void> {
  const { signal, report, formatProblem, requestId } = options;
  const iterator = pieces[Symbol.asyncIterator]();
  const { take, refuse } = openTaker(iterator);
  const watch = watchRight(out, options, refuse);
  try {
    for (;;) {
      const next = await take();
      if (next.done) break;
      if (!out.write(next.value)) await once(out, 'drain', { signal });
    }
  } catch (error) {
    if (!signal.aborted) {
      report(error);
      out.write(formatProblem(toProblem(error, requestId)));
    }
  } finally {
    clearInterval(watch);
    out.end();
    void iterator.return?.();
  }
}

/**
 * Takes piece by piece until it is refused. A race with one long promise would keep a trace of every piece for as long
 * as the stream lasts.
 */
function openTaker(iterator: AsyncIterator<string>) {
  let refusal: { readonly error: unknown } | undefined;
  let leave: (error: unknown) => void = () => undefined;
  return {
    refuse(error: unknown) {
      refusal = { error };
      leave(error);
    },
    take(): Promise<IteratorResult<string>> {
      if (refusal !== undefined) return Promise.reject(refusal.error);
      return new Promise((resolve, reject) => {
        leave = reject;
        iterator.next().then(resolve, reject);
      });
    },
  };
}

function watchRight(
  out: PassThrough,
  { stillAllowed, sign }: StreamOptions & { sign: string },
  refuse: (error: unknown) => void,
): NodeJS.Timeout {
  let checks = 0;
  return setInterval(() => {
    checks += 1;
    if (sign !== '' && checks % quietChecks === 0) out.write(sign);
    stillAllowed().catch(refuse);
  }, checkMs);
}

async function* formatAll<T>(items: AsyncIterable<T>, format: (item: T) => string): AsyncGenerator<string> {
  for await (const item of items) yield format(item);
}

/** The event-stream format of the HTML standard; JSON has no line ends, and a text is cut at its own. */
export function formatEvent({ event, id, data }: ServerEvent): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}${lines.join('')}\n`;
}
