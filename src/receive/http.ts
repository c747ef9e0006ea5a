import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { Git as GitServer } from 'node-git-server';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Git } from './git.ts';
import { answerFailure, untilClosed, within } from './git-answer.ts';
import { endGit, performExchange, resultHeaders } from './git-exchange.ts';
import { spawnGit } from './git-process.ts';
import { type GitRequest, isGitUrl, parseCredentials, parseGitRequest } from './git-request.ts';
import { flushPacket, serializePacket } from './packet.ts';
import type { ReceiveLog, Receiver } from './perform.ts';
import { formatBytes } from './printable.ts';
import type { PushedApp } from './push.ts';
import { openSlots } from './slots.ts';

export type GitDoor = {
  /**
   * Resolves the app and checks the right before any disk access; throws Failure token_* (401), not_allowed (403),
   * app_not_found (404, same text when one may not see it). May create the app (right 'push') when the token may.
   */
  enter(
    credentials: { username: string; password: string } | null,
    appName: string,
    right: 'push' | 'read',
    remoteAddress: string,
  ): Promise<{ app: PushedApp; actor: string }>;
};

export type GitHttp = {
  matches(rawUrl: string): boolean;
  /** Answers a request that matches; never throws and never rejects. The server needs `requestTimeout: 0`. */
  respond(request: IncomingMessage, response: ServerResponse): void;
  /** Takes no more pushes; resolves when those that are being received are recorded, at the latest after 30 s. */
  drain(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type GitHttpOptions = {
  readonly git: Git;
  readonly receiver: Receiver;
  readonly door: GitDoor;
  readonly limits: Limits;
  readonly log: ReceiveLog;
  readonly timings?: Partial<GitHttpTimings>;
};

/** Milliseconds, and bytes that have to come in a window. */
export type GitHttpTimings = {
  readonly slotWaitMs: number;
  readonly rateWindowMs: number;
  readonly rateBytes: number;
  readonly idleMs: number;
  readonly drainMs: number;
};

type Entered = { app: PushedApp; actor: string };
type Asked = { asked: GitRequest; entered: Entered; request: IncomingMessage; response: ServerResponse };

const defaults: GitHttpTimings = {
  slotWaitMs: 60_000,
  rateWindowMs: 30_000,
  rateBytes: 30 * 1024,
  idleMs: 5 * 60_000,
  drainMs: 30_000,
};
const maxFetchRequest = 64 * 1024 * 1024;

/** git over HTTP, guarded: nothing touches a disk or starts a process before the door let the request in. */
export function openGitHttp(options: GitHttpOptions): GitHttp {
  const { git, receiver, door, limits, log } = options;
  const timings = { ...defaults, ...options.timings };
  const receives = openSlots(limits.receives, timings.slotWaitMs, 'pushes');
  const fetches = openSlots(limits.receives * 4, timings.slotWaitMs, 'fetches');
  const advertiser = openAdvertiser(git);
  /** Each ends when its push is recorded; the other set when its git has ended. */
  const receiving = new Set<Promise<unknown>>();
  const running = new Map<Promise<unknown>, () => void>();
  let stopping = false;

  const enter = async (request: IncomingMessage, response: ServerResponse): Promise<Asked> => {
    const { method = '', url = '', headers } = request;
    const asked = parseGitRequest({ method, url, headers });
    const credentials = parseCredentials(headers.authorization);
    const right = asked.service === 'receive-pack' ? 'push' : 'read';
    const entered = await door.enter(credentials, asked.appName, right, request.socket.remoteAddress ?? '');
    if (stopping) throw new Failure('server_stopping', 'the server is stopping');
    const refusal = right === 'push' ? await receiver.isFree() : null;
    if (refusal !== null) throw refusal;
    await git.initRepository(entered.app.id);
    return { asked, entered, request, response };
  };

  const advertise = async ({ asked, entered, response }: Asked): Promise<void> => {
    const { service, protocol } = asked;
    const viaLibrary = service === 'receive-pack' && protocol !== 'version=1';
    const refs = viaLibrary
      ? await advertiser.advertisePushes(entered.app.id)
      : await advertiseRefs(git.path(entered.app.id), asked);
    response.writeHead(200, { ...resultHeaders(service, 'advertisement'), 'content-length': refs.length });
    response.end(refs);
  };

  const receive = async ({ asked, entered, request, response }: Asked): Promise<void> => {
    const giveBack = await receives.take(untilClosed(response));
    const { promise: received, resolve } = Promise.withResolvers<void>();
    const onReceived = () => {
      giveBack();
      resolve();
    };
    receiving.add(received);
    const push = receiver.begin({ ...entered, onReceived });
    const config = [
      '-c',
      `core.hooksPath=${receiver.hooks}`,
      '-c',
      `receive.maxInputSize=${limits.push + 1024 * 1024}`,
    ];
    const env = { ...push.env, ...protocolEnv(asked) };
    const child = spawnGit([...config, 'receive-pack', '--stateless-rpc', git.path(entered.app.id)], {
      env,
      ownGroup: true,
    });
    const tooLarge = () =>
      new Failure(
        'push_too_large',
        `the push is larger than ${formatBytes(limits.push)} (limits.push of the server)`,
      );
    const body = { ...timings, bytes: limits.push + 64 * 1024, tooLarge };
    const exchange = performExchange({ asked, request, response, child, body, onLeave: push.leave });
    running.set(exchange, push.leave);
    try {
      const { code, stderr } = await exchange;
      if (code !== 0)
        log.warn({ app: entered.app.name, push: push.pushId, code, stderr }, 'git receive-pack failed');
    } finally {
      push.end();
      onReceived();
      receiving.delete(received);
      running.delete(exchange);
    }
  };

  const fetch = async ({ asked, entered, request, response }: Asked): Promise<void> => {
    const giveBack = await fetches.take(untilClosed(response));
    const path = git.path(entered.app.id);
    const child = spawnGit(['upload-pack', '--stateless-rpc', path], {
      env: protocolEnv(asked),
      ownGroup: true,
    });
    const tooLarge = () =>
      new Failure('git_request_too_large', `the request is larger than ${formatBytes(maxFetchRequest)}`);
    const body = { ...timings, bytes: maxFetchRequest, tooLarge };
    const stop = () => endGit(child, 'upload-pack');
    const exchange = performExchange({ asked, request, response, child, body, onLeave: stop });
    running.set(exchange, stop);
    try {
      await exchange;
    } finally {
      giveBack();
      running.delete(exchange);
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const entered = await enter(request, response);
    if (entered.asked.kind === 'advertise') await advertise(entered);
    else await (entered.asked.service === 'receive-pack' ? receive : fetch)(entered);
  };

  return {
    matches: isGitUrl,
    respond(request, response) {
      const forget = () => undefined;
      request.on('error', forget);
      response.on('error', forget);
      request.socket.setTimeout(timings.idleMs, () => request.socket.destroy());
      answer(request, response).catch((error: unknown) => answerFailure(error, request, response, log));
    },
    async drain() {
      stopping = true;
      await within(timings.drainMs, Promise.allSettled(receiving));
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      for (const leave of running.values()) leave();
      await within(timings.drainMs, Promise.allSettled([...running.keys()]));
    },
  };
}

function protocolEnv({ protocol }: GitRequest): Record<string, string> {
  return protocol === null ? {} : { GIT_PROTOCOL: protocol };
}

/** Refs as upload-pack tells them; protocol version 2 has no service line in front. */
async function advertiseRefs(path: string, asked: GitRequest): Promise<Buffer> {
  const git = spawnGit([asked.service, '--stateless-rpc', '--http-backend-info-refs', path], {
    env: protocolEnv(asked),
  });
  git.stdin.on('error', () => undefined);
  git.stdin.end();
  git.stderr.resume();
  const chunks: Buffer[] = [];
  git.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise((resolve, reject) => {
    git.on('error', reject);
    git.on('close', resolve);
  });
  if (code !== 0)
    throw new Failure('git_failed', `git ${asked.service} ended with ${code} when asked for its refs`);
  const front =
    asked.protocol === 'version=2' ? [] : [serializePacket(`# service=git-${asked.service}\n`), flushPacket];
  return Buffer.concat([...front, ...chunks]);
}

/**
 * The library tells pushers the refs. It is handed a request and a response of our own making, for a repository that
 * the door resolved, so that nothing of the network reaches it; what it cannot do safely is done with git directly
 * (docs/decisions/0003-node-git-server.md).
 */
function openAdvertiser(git: Git): { advertisePushes(id: string): Promise<Buffer> } {
  const library = new GitServer((id = '') => git.path(id), { autoCreate: false });
  const failed = new EventEmitter().setMaxListeners(0);
  library.on('error', (error) => failed.emit('error', error));
  failed.on('error', () => undefined);
  return {
    advertisePushes(id) {
      return new Promise((resolve, reject) => {
        const refuse = (cause: unknown) =>
          reject(new Failure('git_failed', 'the refs could not be read', { cause }));
        failed.once('error', refuse);
        const response = openAnswer((status, bytes) => {
          failed.off('error', refuse);
          if (status === 200 && bytes.subarray(-4).equals(flushPacket)) resolve(bytes);
          else refuse(new Error(`the library answered ${status} with ${bytes.length} bytes`));
        });
        const url = `/${id}/info/refs?service=git-receive-pack`;
        const request = Object.assign(new EventEmitter(), { method: 'GET', url, headers: {} });
        library.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
      });
    },
  };
}

/** The part of a response that the library writes to. */
function openAnswer(done: (status: number, bytes: Buffer) => void) {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, next) {
      chunks.push(chunk);
      next();
    },
  });
  const answer = Object.assign(sink, { statusCode: 200, setHeader: () => answer, writeHead: () => answer });
  sink.on('finish', () => done(answer.statusCode, Buffer.concat(chunks)));
  return answer;
}
