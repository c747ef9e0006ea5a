import { get } from 'node:http';
import { Failure } from '../failure.ts';

export type EdgeQuestion = {
  /** Where the load balancer listens; all addresses of this machine are asked on loopback. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly domain: string;
  readonly path: string;
  /** For the whole answer's beginning, ms. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
};

export type EdgeAnswer = {
  readonly status: number;
  /** The beginning of the body on one line, without control characters: it ends up on a terminal. */
  readonly firstBytes: string;
};

const shownBytes = 200;

/**
 * Asks for one page of one domain as a client would, through the load balancer on this machine. A redirect is not
 * followed. Throws `domain_silent` when there is no answer within the deadline.
 */
export async function askEdge(question: EdgeQuestion): Promise<EdgeAnswer> {
  const { domain, path, deadlineMs, signal } = question;
  const late = AbortSignal.timeout(deadlineMs);
  try {
    return await askOnce(question, AbortSignal.any([late, signal]));
  } catch (error) {
    signal.throwIfAborted();
    const reason = late.aborted ? `within ${deadlineMs / 1000} s` : `(${(error as Error).message})`;
    throw new Failure('domain_silent', `${domain}${path} gave no answer ${reason}.`, { cause: error });
  }
}

async function askOnce(question: EdgeQuestion, signal: AbortSignal): Promise<EdgeAnswer> {
  const { listen, domain, path } = question;
  const { promise, resolve, reject } = Promise.withResolvers<EdgeAnswer>();
  const headers = { host: domain, 'user-agent': 'hawser-probe' };
  const target = { host: reachableOf(listen.host), port: listen.port, path, agent: false, headers, signal };
  const request = get(target, (response) => {
    const chunks: Buffer[] = [];
    const finish = () => {
      resolve({ status: response.statusCode ?? 0, firstBytes: excerptOf(Buffer.concat(chunks)) });
      response.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.reduce((sum, each) => sum + each.length, 0) >= shownBytes) finish();
    });
    response.on('end', finish);
    response.on('error', reject);
  });
  request.on('error', reject);
  return await promise;
}

function reachableOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function excerptOf(body: Buffer): string {
  const text = body.toString('utf8', 0, shownBytes);
  return text.replace(/[\p{C}\s]+/gu, ' ').trim();
}
