import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../failure.ts';
import { flushPacket, serializeBand } from '../packet.ts';
import { describeFailure } from '../record-push.ts';
import { type BodyLimits, type BodyReport, feedBody } from '../request-body.ts';
import { type GitEnd, signalGroup, watchGit } from './process.ts';
import type { GitRequest } from './request.ts';

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: GitRequest;
  readonly child: ChildProcessWithoutNullStreams;
  readonly body: BodyLimits;
  /** The client left after all of its request had come. */
  readonly onLeave: () => void;
};

export const resultHeaders = (service: string, kind: 'result' | 'advertisement') => ({
  'content-type': `application/x-git-${service}-${kind}`,
  'cache-control': 'no-cache, max-age=0, must-revalidate',
  expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
  pragma: 'no-cache',
  // A proxy that collects the answer would hide a deploy's log until its end.
  'x-accel-buffering': 'no',
});

const graceMs = 2_000;

/**
 * Request body to a git's input, its output to the response. Resolves with what git said on its error output when git
 * has ended; throws the Failure that the client is to be told when nothing was answered yet.
 */
export async function performExchange(exchange: Exchange): Promise<GitEnd> {
  const { request, response, asked, child } = exchange;
  const ended = watchGit(child);
  const { done, report } = feedBody(request, child.stdin, asked.encoding, exchange.body);
  response.on('close', () => leave(exchange, report));
  const answered = pumpAnswer(child, response, asked.service);
  const problem = await Promise.race([
    done.then(
      () => null,
      (error: unknown) => error,
    ),
    ended.then(() => null),
  ]);
  if (problem !== null) {
    endGit(child, asked.service);
    answerProblem(problem, exchange, report);
  }
  const { code, stderr } = await ended;
  await answered;
  // Reading goes on until the client has sent all: it reads the answer only then.
  done.catch(() => undefined);
  if (!response.headersSent && code !== 0) {
    throw new Failure('git_request_invalid', 'git did not understand the request', { cause: stderr });
  }
  if (!response.headersSent) response.writeHead(200, resultHeaders(asked.service, 'result'));
  response.end();
  return { code, stderr };
}

/**
 * Ends a git with everything it started. A receive-pack sees the end of its input first: it gives up and removes its
 * quarantine, which it would leave behind when its index-pack is killed beside it.
 */
export function endGit(child: ChildProcessWithoutNullStreams, service: GitRequest['service']): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.stdin.destroy();
  let timer = setTimeout(ask, service === 'receive-pack' ? graceMs : 0);
  child.on('close', () => clearTimeout(timer));

  // One after the other: for a process that stood still, both times would be over at once.
  function ask(): void {
    signalGroup(child, 'SIGTERM');
    timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  }
}

/** Output goes out no faster than the client takes it; when the client is gone it is read and forgotten. */
function pumpAnswer(
  child: ChildProcessWithoutNullStreams,
  response: ServerResponse,
  service: string,
): Promise<void> {
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.destroyed || response.writableEnded) return;
    if (!response.headersSent) response.writeHead(200, resultHeaders(service, 'result'));
    if (response.write(chunk)) return;
    child.stdout.pause();
    response.once('drain', () => child.stdout.resume());
  });
  response.on('close', () => child.stdout.resume());
  return new Promise((resolve) => child.stdout.on('close', resolve));
}

/** Receiving stops with the client; what was received whole goes on without it. */
function leave({ asked, child, response, onLeave }: Exchange, report: BodyReport): void {
  if (response.writableFinished) return;
  if (asked.service === 'upload-pack' || !report.isComplete()) endGit(child, asked.service);
  else onLeave();
}

/** A push that is refused in its middle: the side band tells it to the person, where HTTP would only give a number. */
function answerProblem(problem: unknown, { response, asked, request }: Exchange, report: BodyReport): void {
  if (response.destroyed || response.writableEnded) return;
  const banded = asked.service === 'receive-pack' && report.head().includes('side-band-64k');
  if (!(problem instanceof Failure) || problem.code !== 'push_too_large' || !banded) {
    if (response.headersSent) request.destroy();
    else throw problem;
    return;
  }
  if (!response.headersSent) response.writeHead(200, resultHeaders(asked.service, 'result'));
  response.end(Buffer.concat([serializeBand(3, `${describeFailure(problem).join('\n')}\n`), flushPacket]));
}
