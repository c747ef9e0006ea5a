import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import type { SshServer } from '../model/server.ts';
import { ChannelSocket } from './channel-socket.ts';
import { type ChannelCallback, openChannel, pipeToTarget } from './channels.ts';
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
  run(argv: readonly string[], signal: AbortSignal): Promise<{ code: number | null; stdout: string }>;
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

const algorithms: NonNullable<ConnectConfig['algorithms']> = {
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
};

/** Connects, checks the host key before anything else is said, and authenticates with the identity. */
export async function connectSsh(options: ConnectOptions): Promise<SshConnection> {
  const { server, expectHostKey, identity, via, signal, log } = options;
  if (expectHostKey === null) {
    throw hostKeyUnknown(server);
  }
  const sock = await openTransport(server, via, signal);
  const client = new Client();
  let seen: string | undefined;
  const config: ConnectConfig = {
    sock: sock as NonNullable<ConnectConfig['sock']>,
    username: server.user,
    privateKey: identity,
    algorithms,
    ...keepalive,
    readyTimeout: handshakeMs,
    hostVerifier: (key: Buffer) => {
      seen = fingerprintOf(key);
      // Not even a goodbye to a stranger.
      if (seen !== expectHostKey) sock.destroy();
      return seen === expectHostKey;
    },
  };
  try {
    await whenReady(client, config, signal);
  } catch (error) {
    sock.destroy();
    signal.throwIfAborted();
    if (seen !== undefined && seen !== expectHostKey) throw hostKeyChanged(server, expectHostKey, seen);
    throw connectFailure(server, error);
  }
  log(`connected to ${describe(server)}`);
  return wrapClient(client, server, log);
}

/** A new ed25519 key pair in OpenSSH's own format. */
export function makeKeyPair(comment: string): { private: string; public: string } {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment });
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
    exitCodeOf: (command) => exitCodeOf(client, command, ended.signal),
    run: (argv, signal) => runProgram(client, argv, AbortSignal.any([signal, ended.signal])),
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

async function exitCodeOf(client: Client, command: string, closed: AbortSignal): Promise<number | null> {
  const channel = await asked<ClientChannel>(closed, (done) => client.exec(command, done));
  return await asked<number | null>(closed, (done) => {
    channel.once('exit', (code: number | null) => done(undefined, code));
    channel.once('close', () => done(undefined, null));
    channel.resume();
    channel.stderr.resume();
  });
}

// Nobody needs more of an answer; a server must not fill our memory.
const maxAnswer = 64 * 1024;

async function runProgram(
  client: Client,
  argv: readonly string[],
  closed: AbortSignal,
): Promise<{ code: number | null; stdout: string }> {
  const channel = await asked<ClientChannel>(closed, (done) => client.exec(quoteArguments(argv), done));
  let stdout = '';
  channel.setEncoding('utf8');
  channel.on('data', (text: string) => {
    if (stdout.length < maxAnswer) stdout += text;
  });
  channel.stderr.resume();
  let code: number | null = null;
  channel.once('exit', (exit: number | null) => {
    code = exit;
  });
  await asked<void>(closed, (done) => channel.once('close', () => done(undefined, undefined)));
  return { code, stdout };
}

/** A callback's answer, or the reason why the connection closed before it came. */
async function asked<T>(
  closed: AbortSignal,
  ask: (done: (error: Error | undefined, value: T) => void) => void,
): Promise<T> {
  closed.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = () => reject(closed.reason);
  closed.addEventListener('abort', giveUp, { once: true });
  ask((error, value) => (error ? reject(error) : resolve(value)));
  try {
    return await promise;
  } finally {
    closed.removeEventListener('abort', giveUp);
  }
}
