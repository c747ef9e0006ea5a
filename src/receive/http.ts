import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { Git as GitServer } from 'node-git-server';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Actor } from '../model/access.ts';
import { type Audit, plainAddress } from '../model/audit.ts';
import { answerFailure, untilClosed } from './git/answer.ts';
import { describeGitAct, type GitOrigin, toRefusal } from './git/audit.ts';
import type { EnteredApp, GitDoor } from './git/door.ts';
import { performExchange, resultHeaders } from './git/exchange.ts';
import { requireGit } from './git/process.ts';
import type { Git } from './git/repositories.ts';
import { type GitRequest, isGitUrl, parseCredentials, parseGitRequest } from './git/request.ts';
import { type GitRuns, planIntake, protocolEnv } from './git/runs.ts';
import { flushPacket, serializePacket } from './packet.ts';
import type { ReceiveLog } from './perform.ts';

export type GitHttp = {
  matches(rawUrl: string): boolean;
  /** Answers a request that matches; never throws and never rejects. The server needs `requestTimeout: 0`. */
  respond(request: IncomingMessage, response: ServerResponse): void;
};

export type GitHttpOptions = {
  readonly git: Git;
  readonly runs: GitRuns;
  readonly door: GitDoor;
  readonly audit: Audit;
  readonly limits: Limits;
  readonly log: ReceiveLog;
  readonly timings?: Partial<GitHttpTimings>;
};

/** Milliseconds, and bytes that have to come in a window. */
export type GitHttpTimings = {
  readonly rateWindowMs: number;
  readonly rateBytes: number;
  readonly idleMs: number;
};

type Asked = { asked: GitRequest; entered: EnteredApp; request: IncomingMessage; response: ServerResponse };

const defaults: GitHttpTimings = {
  rateWindowMs: 30_000,
  rateBytes: 30 * 1024,
  idleMs: 5 * 60_000,
};

/** git over HTTP, guarded: nothing touches a disk or starts a process before the door let the request in. */
export function openGitHttp(options: GitHttpOptions): GitHttp {
  const { git, runs, door, limits, log, audit } = options;
  const timings = { ...defaults, ...options.timings };
  const advertiser = openAdvertiser(git);

  const enter = async (request: IncomingMessage, response: ServerResponse): Promise<Asked> => {
    const { method = '', url = '', headers } = request;
    const asked = parseGitRequest({ method, url, headers });
    const credentials = parseCredentials(headers.authorization);
    const right = asked.service === 'receive-pack' ? 'push' : 'read';
    const origin = originOf(request);
    let actor: Actor | null = null;
    const { appName: app } = asked;
    const act = () => describeGitAct(origin, actor, { action: gitActions[right], app });
    let entered: EnteredApp;
    try {
      actor = await door.identify(credentials);
      entered = await door.enter(actor, app, right);
      await runs.admit(asked.service);
    } catch (error) {
      // The first request of every git comes without a password.
      if (credentials !== null) await audit.note(act(), toRefusal(error));
      throw error;
    }
    if (right === 'read' && asked.kind !== 'advertise')
      await audit.note(act(), { outcome: 'done', code: null });
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

  const exchange = async ({ asked, entered, request, response }: Asked): Promise<void> => {
    const { service, protocol } = asked;
    const body = { ...timings, ...planIntake(service, limits) };
    await runs.run({
      ...entered,
      origin: originOf(request),
      service,
      protocol,
      stateless: true,
      gone: untilClosed(response),
      exchange: ({ child, leave }) =>
        performExchange({ asked, request, response, child, body, onLeave: leave }),
    });
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const entered = await enter(request, response);
    if (entered.asked.kind === 'advertise') await advertise(entered);
    else await exchange(entered);
  };

  return {
    matches: isGitUrl,
    respond(request, response) {
      const forget = () => undefined;
      request.on('error', forget);
      response.on('error', forget);
      const { socket } = request;
      const leave = () => void socket.destroy();
      socket.setTimeout(timings.idleMs, leave);
      // The connection may go on with other requests.
      response.once('close', () => socket.off('timeout', leave));
      answer(request, response).catch((error: unknown) => answerFailure(error, request, response, log));
    },
  };
}

const gitActions = { push: 'git:push', read: 'git:fetch' } as const;

function originOf({ socket }: IncomingMessage): GitOrigin {
  return { door: 'git-http', address: plainAddress(socket.remoteAddress) };
}

/** Refs as upload-pack tells them; protocol version 2 has no service line in front. */
async function advertiseRefs(path: string, asked: GitRequest): Promise<Buffer> {
  const words = [asked.service, '--stateless-rpc', '--http-backend-info-refs', path];
  const refs = await requireGit(words, `asking ${asked.service} for its refs`, { env: protocolEnv(asked) });
  const front =
    asked.protocol === 'version=2' ? [] : [serializePacket(`# service=git-${asked.service}\n`), flushPacket];
  return Buffer.concat([...front, refs]);
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
