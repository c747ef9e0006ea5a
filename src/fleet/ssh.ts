import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import type { SshServer } from '../model/server.ts';
import { ChannelSocket } from './channel-socket.ts';
import { type ChannelCallback, openChannel, pipeToTarget } from './channels.ts';
import { asked, awaitProgram, type ProgramEnd } from './exec.ts';
import { fingerprintOf } from './host-key.ts';
import { quoteArguments } from './quote.ts';
import { openSlots } from './slots.ts';
import {
  connectFailure,
  connectionLost,
  describe,
  forwardingRefused,
  hostKeyChanged,
  hostKeyUnknown,
} from './ssh-failures.ts';

/** One authenticated connection to one server; everything to that server goes through it. */
export type SshConnection = AsyncDisposable & {
  readonly server: SshServer;
  /** Aborts when the connection is gone; the reason is the Failure that says why. */
  readonly closed: AbortSignal;
  openSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
  openTcp(host: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /** A port on the server's loopback that leads to `target` on our side, for as long as the connection lives. */
  forwardLoopback(target: { host: string; port: number }): Promise<{ port: number }>;
  /** Exit code of a fixed command line; never build one from what a user typed. */
  exitCodeOf(command: string): Promise<number | null>;
  /** Runs a program with these arguments; its code is null when it was killed or nothing could be run. */
  run(argv: readonly string[], signal: AbortSignal): Promise<ProgramEnd>;
  close(): void;
};

export type ConnectOptions = {
  readonly server: SshServer;
  /** `SHA256:…`; null is refused. */
  readonly expectHostKey: string | null;
  readonly identity: Buffer;
  readonly via?: SshConnection | undefined;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
};

const handshakeMs = 10_000;
// Two missed answers: a dead peer is noticed in at most 12 s.
const keepalive = { keepaliveInterval: 4_000, keepaliveCountMax: 2 };
// sshd does not bound forwarded channels; our memory does.
const maxChannels = 200;

type Algorithms = NonNullable<ConnectConfig['algorithms']>;
type HostKeyTypes = Extract<Algorithms['serverHostKey'], readonly unknown[]>;

const algorithms = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384'],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr'],
  serverHostKey: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
} satisfies Algorithms;

/** Connects, checks the host key before anything else is said, and authenticates with the identity. */
export async function connectSsh(options: ConnectOptions): Promise<SshConnection> {
  const { server, expectHostKey, signal, log } = options;
  if (expectHostKey === null) {
    throw hostKeyUnknown(server);
  }
  let stranger: string | null = null;
  let types: HostKeyTypes = algorithms.serverHostKey;
  // A server has a key of each type and shows the one that is asked for first, which need not be the pinned one.
  while (types.length > 0) {
    const attempt = await connectOnce({ ...options, expectHostKey }, types);
    if ('client' in attempt) {
      log(`connected to ${describe(server)}`);
      return wrapClient(attempt.client, server, log);
    }
    signal.throwIfAborted();
    if (attempt.seen === null) {
      if (stranger === null) throw connectFailure(server, attempt.error);
      break;
    }
    stranger ??= fingerprintOf(attempt.seen);
    types = withoutType(types, attempt.seen);
  }
  throw hostKeyChanged(server, expectHostKey, stranger ?? '');
}

type Attempt = { readonly client: Client } | { readonly seen: Buffer | null; readonly error: unknown };

/** One handshake: the client when the key is the pinned one, otherwise the key that was shown, if one was. */
async function connectOnce(options: ConnectOptions, serverHostKey: HostKeyTypes): Promise<Attempt> {
  const { server, expectHostKey, identity, via, signal } = options;
  const sock = await openTransport(server, via, signal);
  const client = new Client();
  let seen: Buffer | null = null;
  const config: ConnectConfig = {
    sock: sock as NonNullable<ConnectConfig['sock']>,
    username: server.user,
    privateKey: identity,
    algorithms: { ...algorithms, serverHostKey },
    ...keepalive,
    readyTimeout: handshakeMs,
    hostVerifier: (key: Buffer) => {
      const isPinned = fingerprintOf(key) === expectHostKey;
      // Not even a goodbye to a stranger.
      if (!isPinned) sock.destroy();
      if (!isPinned) seen = key;
      return isPinned;
    },
  };
  try {
    await whenReady(client, config, signal);
    return { client };
  } catch (error) {
    sock.destroy();
    return { seen, error };
  }
}

/** What is left to ask for after a key was shown; its blob begins with its type (RFC 4253, 6.6). */
function withoutType(types: HostKeyTypes, key: Buffer): HostKeyTypes {
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  return types.filter((name) => name !== type && !(type === 'ssh-rsa' && name.startsWith('rsa-')));
}

// The name of the type and 32 bytes, each behind its length.
const publicBytes = 4 + 11 + 4 + 32;

/**
 * A new ed25519 key pair in OpenSSH's own format. ssh2 drops zeros at the beginning of the public half, which one pair
 * of 256 has: nobody could use such a pair, and another one is made.
 */
export function makeKeyPair(comment: string): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
    if (blob.length === publicBytes) return pair;
  }
}

/** The host key that a server shows; the connection ends before anything but the key exchange was said. */
export async function readHostKey(options: {
  server: SshServer;
  via?: SshConnection | undefined;
  signal: AbortSignal;
}): Promise<string> {
  const { server, via, signal } = options;
  const sock = await openTransport(server, via, signal);
  const client = new Client();
  let seen: string | undefined;
  const config: ConnectConfig = {
    sock: sock as NonNullable<ConnectConfig['sock']>,
    username: server.user,
    algorithms,
    readyTimeout: handshakeMs,
    hostVerifier: (key: Buffer) => {
      seen = fingerprintOf(key);
      sock.destroy();
      return false;
    },
  };
  try {
    await whenReady(client, config, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (seen === undefined) throw connectFailure(server, error);
  } finally {
    sock.destroy();
  }
  return seen ?? '';
}

async function openTransport(
  server: SshServer,
  via: SshConnection | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  signal.throwIfAborted();
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(handshakeMs)]);
  if (via) return await via.openTcp(server.host, server.port, bounded);
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  const giveUp = () => socket.destroy(bounded.reason);
  bounded.addEventListener('abort', giveUp, { once: true });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    throw connectFailure(server, error);
  } finally {
    bounded.removeEventListener('abort', giveUp);
  }
}

async function whenReady(client: Client, config: ConnectConfig, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  client.once('ready', resolve);
  // Stays for good: a later error of a client without a listener would end our process.
  client.on('error', reject);
  client.once('close', () => reject(new Error('the server closed the connection during the handshake')));
  try {
    client.connect(config);
    await promise;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function wrapClient(client: Client, server: SshServer, log: (message: string) => void): SshConnection {
  const ended = new AbortController();
  const slots = openSlots(maxChannels);
  const targets = new Map<number, { host: string; port: number }>();
  let lastError: Error | undefined;
  client.on('error', (error) => {
    lastError = error;
  });
  client.on('close', () => {
    const failure = connectionLost(server, lastError);
    log(failure.message);
    ended.abort(failure);
  });
  client.on('tcp connection', (details, accept, reject) => {
    const target = targets.get(details.destPort);
    if (target) pipeToTarget(new ChannelSocket(accept()), target);
    else reject();
  });

  const open = (what: string, ask: (done: ChannelCallback) => void, signal?: AbortSignal) =>
    openChannel({ server, what, ask, slots, closed: ended.signal, signal });

  return {
    server,
    closed: ended.signal,
    openSocket: (path, signal) =>
      open(path, (done) => client.openssh_forwardOutStreamLocal(path, done), signal),
    openTcp: (host, port, signal) =>
      open(`${host}:${port}`, (done) => client.forwardOut('127.0.0.1', 0, host, port, done), signal),
    async forwardLoopback(target) {
      const port = await forwardPort(client, server, ended.signal);
      targets.set(port, target);
      return { port };
    },
    exitCodeOf: async (command) => (await runCommand(client, command, ended.signal)).code,
    run: (argv, signal) => runCommand(client, quoteArguments(argv), AbortSignal.any([signal, ended.signal])),
    close: () => client.end(),
    async [Symbol.asyncDispose]() {
      client.end();
      client.destroy();
    },
  };
}

async function forwardPort(client: Client, server: SshServer, closed: AbortSignal): Promise<number> {
  const what = 'a port of its loopback to us';
  return await asked<number>(closed, (done) =>
    client.forwardIn('127.0.0.1', 0, (error, port) =>
      error ? done(forwardingRefused(server, what, error), 0) : done(undefined, port),
    ),
  );
}

async function runCommand(client: Client, command: string, closed: AbortSignal): Promise<ProgramEnd> {
  const channel = await asked<ClientChannel>(closed, (done) => client.exec(command, done));
  return await awaitProgram(channel, closed);
}
