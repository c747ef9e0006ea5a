import type { Readable } from 'node:stream';
import { Failure } from '../failure.ts';
import { type Docker, toFailure } from '../fleet/docker.ts';
import { readMessages } from '../fleet/messages.ts';
import type { BuildMessage } from './progress.ts';

type BuildOptions = NonNullable<Parameters<Docker['buildImage']>[1]>;

/**
 * The messages of one build by the engine's classic builder, as they come. Leaving the loop, or the signal, closes the
 * connection; the engine then stops the step that runs. An answer that is no stream comes as a message with `error`.
 */
export async function* streamBuild(
  docker: Docker,
  context: Readable,
  options: BuildOptions,
  signal: AbortSignal,
): AsyncGenerator<BuildMessage> {
  const broken = new AbortController();
  context.once('error', (error) => broken.abort(error));
  const abortSignal = AbortSignal.any([signal, broken.signal]);
  try {
    const answer = await docker.buildImage(context, { ...options, version: '1', abortSignal });
    yield* readMessages<BuildMessage>(answer);
  } catch (error) {
    abortSignal.throwIfAborted();
    const refusal = refusalOf(error);
    if (refusal === undefined) throw explainEngine(error, 'build on the builder');
    yield { error: refusal };
  } finally {
    broken.abort();
    context.destroy();
  }
}

/** What an error of the builder's engine means; one that does not answer is `builder_lost`. */
export function explainEngine(error: unknown, what: string): Error {
  const failure = toFailure(error, what);
  const lost = failure instanceof Failure && ['docker_lost', 'server_no_docker'].includes(failure.code);
  if (lost) return new Failure('builder_lost', failure.message, { cause: error });
  const full = failure instanceof Failure && failure.code === 'server_disk_low';
  return full ? new Failure('build_disk_full', failure.message, { cause: error }) : failure;
}

/** What the engine says of a Dockerfile that it does not begin to build (400), or a failure before the first step (500). */
function refusalOf(error: unknown): string | undefined {
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode !== 'number' || typeof message !== 'string') return undefined;
  return message.replace(/^\(HTTP code \d+\) (?:unexpected|server error) - /, '').trim();
}
