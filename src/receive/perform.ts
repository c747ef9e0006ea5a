import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Limits } from '../config.ts';
import { Failure } from '../failure.ts';
import type { Audit } from '../model/audit.ts';
import { examinePush, type ReceiveParts } from './examine-push.ts';
import { describeGitAct, type GitOrigin, toRefusal } from './git/audit.ts';
import type { EnteredApp } from './git/door.ts';
import type { Git } from './git/repositories.ts';
import { printable } from './printable.ts';
import type { HookAnswer, HookCall, Push, PushDesk } from './push.ts';
import { describeFailure, recordPush, whoOf } from './record-push.ts';

export type ReceiveLog = {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
};

/** A push that git is about to receive; its variables go into the environment of that git. */
export type PushInFlight = {
  readonly pushId: string;
  readonly token: string;
  readonly env: Readonly<Record<string, string>>;
  /** Nobody listens any more: following ends, what is recorded goes on. */
  leave(): void;
  /** The git of the push has ended. */
  end(): void;
};

export type NewPush = EnteredApp & { readonly origin: GitOrigin; readonly onReceived?: () => void };

/** Hears the hooks of all pushes in flight, over a socket that only our own user can open. */
export type Receiver = {
  begin(push: NewPush): PushInFlight;
  /** The reason why no push can be taken now, or null. */
  isFree(): Promise<Failure | null>;
  /** Folder for `core.hooksPath`. */
  readonly hooks: string;
  [Symbol.asyncDispose](): Promise<void>;
};

export type ReceiverOptions = {
  readonly git: Git;
  readonly audit: Audit;
  readonly desk: PushDesk;
  readonly limits: Limits;
  /** Whether a branch that deploys may lose commits. */
  readonly allowForce: boolean;
  /** Path of the socket; at most 100 bytes, a limit of the kernel. */
  readonly socket: string;
  readonly log: ReceiveLog;
};

const maxCallBytes = 8 * 1024 * 1024;
const maxWaitingBytes = 4 * 1024 * 1024;
const hooks = join(import.meta.dirname, '..', '..', 'hooks');

/** Listens for hooks; a socket that a dead server left is replaced. */
export async function openReceiver(options: ReceiverOptions): Promise<Receiver> {
  const pushes = new Map<string, Push>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A hook that is gone is seen by its push: nothing is left to tell it.
    socket.on('error', () => socket.destroy());
    answerHook(socket, options, pushes).catch((error) => {
      options.log.error({ err: error }, 'a hook could not be answered');
      socket.destroy();
    });
  });
  await listen(server, options.socket);
  return {
    hooks,
    isFree: () => options.desk.isFree(),
    begin: (push) => beginPush(pushes, push, options.socket),
    async [Symbol.asyncDispose]() {
      for (const push of pushes.values()) push.left.abort();
      await drainSockets(sockets);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: Server, socket: string): Promise<void> {
  if (Buffer.byteLength(socket) > 100) {
    throw new Failure(
      'config_invalid',
      `data: the path ${socket} is too long for a socket (limit 100 bytes)`,
    );
  }
  await mkdir(dirname(socket), { recursive: true });
  await rm(socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  await chmod(socket, 0o600);
}

/** Hooks that were told to stop following answer within moments; the others are cut. */
async function drainSockets(sockets: ReadonlySet<Socket>): Promise<void> {
  const deadline = performance.now() + 2_000;
  while (sockets.size > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const socket of sockets) socket.destroy();
}

function beginPush(
  pushes: Map<string, Push>,
  { onReceived = () => undefined, ...entered }: NewPush,
  socket: string,
): PushInFlight {
  const id = randomBytes(12).toString('hex');
  const token = randomBytes(24).toString('hex');
  const left = new AbortController();
  pushes.set(id, { ...entered, id, token, left, onReceived, examined: null });
  return {
    pushId: id,
    token,
    env: {
      HAWSER_NODE: process.execPath,
      HAWSER_HOOKS: hooks,
      HAWSER_SOCKET: socket,
      HAWSER_PUSH: id,
      HAWSER_PUSH_TOKEN: token,
      // Hooks start in 25 ms with it and in 65 without.
      NODE_COMPILE_CACHE: join(dirname(socket), 'hook-cache'),
    },
    leave: () => left.abort(),
    end() {
      left.abort();
      pushes.delete(id);
    },
  };
}

/** One connection of a hook is one phase of its push. */
async function answerHook(
  socket: Socket,
  options: ReceiverOptions,
  pushes: ReadonlyMap<string, Push>,
): Promise<void> {
  const call = await readCall(socket);
  if (call === null) return;
  const send = (answer: HookAnswer) => {
    if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
  };
  const print = openPrinter(socket, send);
  const push = findPush(pushes, call);
  if (push === undefined) {
    print('error[hook_refused]: no push of this server');
    socket.end(`${JSON.stringify({ accept: false })}\n`);
    return;
  }
  // The hook never speaks again: its end of the connection closes when its git was ended.
  if (call.phase === 'proc-receive') socket.on('close', () => push.left.abort());
  send(await answerPhase(options, push, call, print));
  socket.end();
}

async function answerPhase(
  options: ReceiverOptions,
  push: Push,
  call: HookCall,
  print: (line: string) => void,
): Promise<HookAnswer> {
  const parts: ReceiveParts = options;
  try {
    if (call.phase === 'proc-receive') return { refs: await recordPush(parts, push, call, print) };
    await examinePush(parts, push, call, (text) => print(` !     ${text}`));
    return { accept: true };
  } catch (error) {
    const act = describeGitAct(push.origin, whoOf(push), { action: 'git:push', app: push.app.name });
    await options.audit.note(act, toRefusal(error));
    const lines = error instanceof Failure ? describeFailure(error) : describeBug(options.log, push, error);
    for (const line of lines) print(line);
    if (call.phase === 'pre-receive') return { accept: false };
    const reason = error instanceof Failure ? error.message : 'internal error';
    return {
      refs: call.updates.map(({ ref }) => ({ ref, ok: false, reason: printable(reason).slice(0, 200) })),
    };
  }
}

function describeBug(log: ReceiveLog, push: Push, error: unknown): string[] {
  log.error({ err: error, push: push.id, app: push.app.name }, 'a push failed by a bug');
  return [`error[internal]: something is wrong in the server; its log has it under ${push.id}`];
}

function findPush(pushes: ReadonlyMap<string, Push>, call: HookCall): Push | undefined {
  const push = pushes.get(String(call.pushId));
  if (push === undefined) return undefined;
  const given = Buffer.from(String(call.token));
  const wanted = Buffer.from(push.token);
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? push : undefined;
}

/** The one line that a hook sends; null when it leaves before, or sends too much. */
function readCall(socket: Socket): Promise<HookCall | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    socket.on('close', () => resolve(null));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      const end = chunk.indexOf(10);
      if (end < 0 && size <= maxCallBytes) return;
      if (end < 0) return void socket.destroy();
      resolve(parseCall(Buffer.concat(chunks).toString('utf8')));
    });
  });
}

function parseCall(line: string): HookCall | null {
  try {
    return JSON.parse(line) as HookCall;
  } catch {
    // Only our own hooks know the socket; what is no JSON is not from them.
    return null;
  }
}

/** Lines for a pusher who reads slowly are left out rather than kept in memory: the deploy's log has them all. */
function openPrinter(socket: Socket, send: (answer: HookAnswer) => void): (line: string) => void {
  let leftOut = 0;
  return (text) => {
    for (const line of text.replace(/\n$/, '').split('\n')) {
      if (socket.writableLength > maxWaitingBytes) {
        leftOut += 1;
        continue;
      }
      if (leftOut > 0) send({ print: ` !     ${leftOut} lines left out here: the connection is slow` });
      leftOut = 0;
      send({ print: printable(line.replace(/\r$/, '')) });
    }
  };
}
