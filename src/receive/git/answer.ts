import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../failure.ts';
import type { ReceiveLog } from '../perform.ts';
import { describeFailure } from '../record-push.ts';

const lingerMs = 5_000;

/** Plain text: git shows it to the person as `remote:` lines. */
export function answerFailure(
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  log: ReceiveLog,
): void {
  if (!(error instanceof Failure))
    log.error({ err: error, url: request.url?.slice(0, 200) }, 'a git request failed by a bug');
  if (response.headersSent || response.destroyed) return void response.destroy();
  const status = error instanceof Failure ? error.status : 500;
  const lines =
    error instanceof Failure ? describeFailure(error) : ['error[internal]: something is wrong in the server'];
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-cache',
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="hawser"' } : {}),
    ...(status === 405 ? { allow: 'GET, POST' } : {}),
    ...(status === 503 ? { 'retry-after': '30' } : {}),
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(`${lines.join('\n')}\n`);
  linger(request);
}

/** Closing on a client that still sends would take the answer from it: it may go on for a moment. */
function linger(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  request.on('close', () => clearTimeout(timer));
}

/** Aborts when the client is gone. */
export function untilClosed(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.on('close', () => left.abort(new Failure('git_request_invalid', 'the client left')));
  return left.signal;
}

/** Waits for work, but no longer than the limit. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const limit = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    stop.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  await Promise.race([work, limit]);
  stop.abort();
}
