import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import { toProblem } from '../api/problem.ts';
import { Failure } from '../failure.ts';
import { isLoopback } from '../model/address.ts';
import { type Crowd, openCrowd } from '../receive/crowd.ts';
import { answerFailure } from '../receive/git/answer.ts';
import { isGitUrl } from '../receive/git/request.ts';
import { type CertificateFiles, readCertificate, watchCertificate } from './certificate.ts';
import { refuseHead, securityHeaders } from './request-guard.ts';

type HttpLog = Parameters<typeof answerFailure>[3];

export type HttpOptions = {
  readonly where: ListenOptions;
  readonly respond: RequestListener;
  /** The server's own URL; null for a socket, where no browser comes. */
  readonly url: string | null;
  readonly tls?: CertificateFiles | null;
  readonly log: HttpLog;
  readonly times?: Partial<HttpTimes>;
  readonly connections?: Partial<Connections>;
};

/** Milliseconds. */
export type HttpTimes = {
  readonly headersMs: number;
  /** For a body of the API; those of git have a pace of their own. */
  readonly bodyMs: number;
  readonly lookMs: number;
};

export type Connections = {
  readonly total: number;
  readonly perAddress: number;
  /** Of an address of the loopback, where a proxy may stand for everybody. */
  readonly perOwnAddress: number;
};

const defaultTimes: HttpTimes = { headersMs: 10_000, bodyMs: 30_000, lookMs: 5_000 };
const defaultConnections: Connections = { total: 10_000, perAddress: 512, perOwnAddress: 10_000 };

/** `port` is the one that was found free when 0 was asked for. */
export type HttpDoor = AsyncDisposable & { readonly port: number };

/** Listens until it is disposed, with the guards that every request passes first. Throws `port_in_use`. */
export async function openHttp(options: HttpOptions): Promise<HttpDoor> {
  const { where, tls, log } = options;
  const times = { ...defaultTimes, ...options.times };
  const limits: ServerOptions = {
    requestTimeout: 0,
    headersTimeout: times.headersMs,
    connectionsCheckingInterval: Math.min(2_000, times.headersMs),
    keepAliveTimeout: 60_000,
  };
  const listener: RequestListener = (request, response) => guard(request, response, options, times);
  const server = tls
    ? createSecureServer({ ...limits, ...readCertificate(tls), handshakeTimeout: times.headersMs }, listener)
    : createServer(limits, listener);
  server.maxHeadersCount = 0;
  const crowds = keepOutCrowds(server, { ...defaultConnections, ...options.connections });
  server.on('clientError', (error, socket) => answerBroken(error, socket as Socket));
  const watch = tls ? keepCertificate(server as SecureServer, tls, log, times.lookMs) : null;
  server.listen(where);
  try {
    await once(server, 'listening');
  } catch (error) {
    watch?.[Symbol.dispose]();
    const place = where.path ?? `${where.host}:${where.port}`;
    throw new Failure('port_in_use', `${place} cannot be listened on: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return {
    port: (server.address() as AddressInfo | null)?.port ?? 0,
    async [Symbol.asyncDispose]() {
      watch?.[Symbol.dispose]();
      await close(server, crowds);
    },
  };
}

function guard(
  request: IncomingMessage,
  response: ServerResponse,
  { url, respond, log }: HttpOptions,
  { bodyMs }: HttpTimes,
): void {
  for (const [name, value] of Object.entries(securityHeaders(url ?? ''))) response.setHeader(name, value);
  const { method = '', url: target = '', headers, rawHeaders } = request;
  const [path = ''] = target.split('?', 1);
  const refusal =
    url === null ? null : refuseHead({ method, path, headers, headerCount: rawHeaders.length / 2 }, url);
  const isGit = isGitUrl(target);
  if (refusal !== null) refuse(refusal, request, response, isGit ? log : null);
  else {
    if (!isGit) limitBody(request, response, bodyMs);
    respond(request, response);
  }
}

/** For git as text, which it shows; for others as a problem document. */
function refuse(
  failure: Failure,
  request: IncomingMessage,
  response: ServerResponse,
  gitLog: HttpLog | null,
): void {
  if (gitLog !== null) {
    answerFailure(failure, request, response, gitLog);
    return;
  }
  const id = randomBytes(6).toString('hex');
  response.writeHead(failure.status, {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    'x-request-id': id,
    connection: 'close',
  });
  response.end(JSON.stringify(toProblem(failure, id)));
}

/** A body that does not come to its end is not waited for. */
function limitBody(request: IncomingMessage, response: ServerResponse, bodyMs: number): void {
  if (request.headers['content-length'] === undefined && !request.headers['transfer-encoding']) return;
  const timer = setTimeout(() => {
    if (request.complete) return;
    const late = new Failure('request_timeout', `The body did not come within ${bodyMs / 1000} s.`);
    if (!response.headersSent) refuse(late, request, response, null);
    request.destroy();
  }, bodyMs);
  request.once('close', () => clearTimeout(timer));
}

function keepOutCrowds(server: Server, { total, perAddress, perOwnAddress }: Connections): readonly Crowd[] {
  const others = openCrowd({ total, perAddress, strangers: perAddress });
  const own = openCrowd({ total, perAddress: perOwnAddress, strangers: perOwnAddress });
  server.on('connection', (socket) => {
    // A unix socket has no address, and only its owner comes by it.
    if (socket.remoteAddress === undefined) return;
    const crowd = isLoopback(socket.remoteAddress) ? own : others;
    if (crowd.enter(socket) === null) socket.destroy();
  });
  return [own, others];
}

const statusOf: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** What is no request of HTTP, or none in time, is told so, unless an answer is on its way already. */
function answerBroken(error: Error, socket: Socket): void {
  const { _httpMessage: under } = socket as { _httpMessage?: ServerResponse };
  if (!socket.writable || under?.headersSent) return void socket.destroy();
  const status = statusOf[(error as NodeJS.ErrnoException).code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function keepCertificate(
  server: SecureServer,
  files: CertificateFiles,
  log: HttpLog,
  lookMs: number,
): Disposable {
  return watchCertificate({
    files,
    lookMs,
    use: (pair) => server.setSecureContext(pair),
    failed: (error) =>
      log.error({ err: error, ...files }, 'the changed certificate cannot be used: the old one goes on'),
  });
}

async function close(server: Server, crowds: readonly Crowd[]): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  // Those that did not get through the handshake of TLS are known to nobody else.
  for (const crowd of crowds) crowd.closeAll();
  await closed;
}
