import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Failure } from '../failure.ts';

export type BodyLimits = {
  /** Bytes after inflating. */
  readonly bytes: number;
  /** What is said of more. */
  readonly tooLarge: () => Failure;
  /** A sender who stays below `rateBytes` in `rateWindowMs` is cut, unless it was we who did not read. */
  readonly rateBytes: number;
  readonly rateWindowMs: number;
};

export type BodyReport = {
  /** The first bytes, enough to see what a client can do. */
  readonly head: () => Buffer;
  readonly isComplete: () => boolean;
};

const headBytes = 4096;

/**
 * Feeds the body of a request to a git, inflated, no faster than the git takes it. A git that has ended early does not
 * stop the reading: the client must get to read its answer. Failures: that of `tooLarge`, git_request_invalid.
 */
export function feedBody(
  request: IncomingMessage,
  sink: Writable,
  encoding: 'identity' | 'gzip',
  limits: BodyLimits,
): { done: Promise<void>; report: BodyReport } {
  let complete = false;
  const head: Buffer[] = [];
  let total = 0;
  const source = openSource(request, encoding);
  const watch = watchRate(request, () => total, limits);
  const pump = async () => {
    try {
      for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        if (total < headBytes) head.push(chunk.subarray(0, headBytes));
        total += chunk.length;
        if (total > limits.bytes) throw limits.tooLarge();
        if (sink.writable && !sink.write(chunk)) await watch.pausing(untilDrained(sink));
      }
      complete = true;
      sink.end();
    } catch (error) {
      throw toFailure(error, request);
    } finally {
      watch.stop();
    }
  };
  return { done: pump(), report: { head: () => Buffer.concat(head), isComplete: () => complete } };
}

function openSource(request: IncomingMessage, encoding: 'identity' | 'gzip'): Readable {
  if (encoding === 'identity') return request;
  const gunzip = createGunzip();
  request.on('error', (error) => gunzip.destroy(error));
  request.on('close', () => {
    if (!request.complete) gunzip.destroy(new Error('the client left'));
  });
  return request.pipe(gunzip);
}

/** Resolves when there is room again or when nobody reads there any more. */
async function untilDrained(sink: Writable): Promise<void> {
  const stop = new AbortController();
  const ignore = () => undefined;
  await Promise.race([
    once(sink, 'drain', { signal: stop.signal }).catch(ignore),
    once(sink, 'close', { signal: stop.signal }).catch(ignore),
  ]);
  stop.abort();
}

function watchRate(request: IncomingMessage, total: () => number, limits: BodyLimits) {
  let before = 0;
  let ours = false;
  let pausedNow = 0;
  const timer = setInterval(() => {
    const slow = total() - before < limits.rateBytes;
    before = total();
    if (slow && !ours && pausedNow === 0) {
      request.destroy(
        new Failure(
          'git_request_invalid',
          `less than ${limits.rateBytes} bytes came in ${limits.rateWindowMs} ms`,
        ),
      );
    }
    ours = false;
  }, limits.rateWindowMs);
  timer.unref();
  return {
    async pausing(pause: Promise<void>) {
      ours = true;
      pausedNow += 1;
      await pause;
      pausedNow -= 1;
    },
    stop: () => clearInterval(timer),
  };
}

function toFailure(error: unknown, request: IncomingMessage): Error {
  if (error instanceof Failure) return error;
  const reason = request.complete
    ? 'the body of the request is broken'
    : 'the client left in the middle of the request';
  return new Failure('git_request_invalid', reason, { cause: error });
}
