import { Failure } from '../failure.ts';
import { hideShapes } from '../secrets/shapes.ts';

/** A problem document (RFC 9457) with our stable code and the one next step. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly fix: string;
  readonly requestId: string;
};

/** What the asker is told of an error; of one that is a bug only that there was one. Pure. */
export function toProblem(error: unknown, requestId: string): Problem {
  const failure = toFailure(error);
  if (failure === undefined) {
    return problemOf(
      new Failure(
        'internal',
        `Something went wrong in the server, which logged it under the id ${requestId}.`,
        {
          fix: `Look for ${requestId} in the server's log; if it stays, report it.`,
        },
      ),
      requestId,
    );
  }
  return problemOf(failure, requestId);
}

function problemOf(failure: Failure, requestId: string): Problem {
  return {
    type: `urn:hawser:problem:${failure.code}`,
    title: titleOf(failure.code),
    status: failure.status,
    code: failure.code,
    detail: hideShapes(failure.message),
    fix: failure.fix,
    requestId,
  };
}

function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The Failure that an error is; undefined for a bug. */
export function toFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  const { code, statusCode } = Object(error) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Failure('body_too_large', 'The body is larger than 1 MB.');
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Failure('media_type_not_supported', 'The body must be application/json.');
  }
  if (typeof code === 'string' && code.startsWith('FST_ERR_CTP_')) {
    return new Failure('invalid_json', 'The body is not whole JSON.');
  }
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') {
    return new Failure('route_not_found', 'There is nothing at this address.');
  }
  if (statusCode === 400) return new Failure('invalid_json', 'The body is not whole JSON.');
  return undefined;
}
