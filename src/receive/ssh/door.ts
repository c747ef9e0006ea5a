import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection } from 'ssh2';
import { Failure } from '../../failure.ts';
import { plainAddress } from '../../model/audit.ts';
import { type Crowd, type CrowdLimits, openCrowd, type Visit } from '../crowd.ts';
import { describeGitAct } from '../git/audit.ts';
import { readKeyBlob } from './key.ts';
import { watchLine } from './line.ts';
import { joinSession, type SessionOptions } from './session.ts';
import { algorithmOf, verifySignature } from './signature.ts';

export type SshOptions = SessionOptions & {
  readonly hostKey: Buffer;
  readonly listen: { readonly host: string; readonly port: number };
  readonly connections?: CrowdLimits;
  readonly times?: Partial<SshTimes>;
};

export type SshTimes = {
  /** Until the keys are exchanged, then until the client has shown its own. */
  readonly handshakeMs: number;
  readonly loginMs: number;
  /** Without a session. */
  readonly idleMs: number;
  readonly keepaliveMs: number;
};

const defaultTimes: SshTimes = { handshakeMs: 20_000, loginMs: 60_000, idleMs: 60_000, keepaliveMs: 15_000 };
const connections: CrowdLimits = { strangers: 10, perAddress: 50, total: 500 };
const maxTries = 6;
const maxSessions = 10;
const missedSigns = 3;
const user = 'git';

const algorithms: ssh2.ServerConfig['algorithms'] = {
  kex: ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384'],
  // No chacha20-poly1305: a peer without strict key exchange could be cut short with it (CVE-2023-48795).
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes256-ctr', 'aes128-ctr'],
  serverHostKey: ['ssh-ed25519'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
};

/** One connection at the door, from below the protocol. */
type Arrival = {
  readonly socket: Socket;
  readonly visit: Visit;
  /** Cuts the connection after this time, unless it is told another; null lets it be. */
  limit(ms: number | null): void;
};

/**
 * git, and the command line of Hawser, over SSH: public keys alone, no shell, nothing forwarded. Nothing that a
 * client sends ends the server. Throws `port_in_use`.
 */
export async function openSsh(options: SshOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const { listen, log } = options;
  const times = { ...defaultTimes, ...options.times };
  const crowd = openCrowd(options.connections ?? connections);
  const arrivals = new Map<string, Arrival>();
  const protocol = openProtocol(options, times, (client, place) => {
    const arrival = arrivals.get(place);
    if (arrival === undefined) client.end();
    else receiveClient(client, arrival, { ...options, times });
  });
  const door = createServer((socket) => {
    const arrival = admit(socket, crowd);
    if (arrival === null) return void socket.destroy();
    const place = placeOf(socket.remoteAddress, socket.remotePort);
    arrivals.set(place, arrival);
    socket.once('close', () => arrivals.delete(place));
    arrival.limit(times.handshakeMs);
    protocol.injectSocket(socket);
  });
  door.on('error', (error) => log.error({ err: error }, 'git over SSH has trouble listening'));
  door.listen(listen);
  try {
    await once(door, 'listening');
  } catch (error) {
    const place = `${listen.host}:${listen.port}`;
    throw new Failure('port_in_use', `${place} cannot be listened on: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  const address = door.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    async [Symbol.asyncDispose]() {
      const closed = once(door, 'close');
      door.close();
      crowd.closeAll();
      await closed;
    },
  };
}

const placeOf = (ip: string | undefined, port: number | undefined) => `${ip} ${port}`;

/** It speaks the protocol on sockets that it is handed; the listening, and who is let in, is ours. */
function openProtocol(
  { hostKey, log }: SshOptions,
  { keepaliveMs }: SshTimes,
  greet: (client: Connection, place: string) => void,
): ssh2.Server {
  const server = new ssh2.Server(
    {
      hostKeys: [hostKey],
      algorithms,
      ident: 'Hawser',
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: missedSigns,
    },
    (client, { ip, port }) => greet(client, placeOf(ip, port)),
  );
  server.on('error', (error: Error) => log.error({ err: error }, 'the SSH protocol failed by a bug'));
  return server;
}

function admit(socket: Socket, crowd: Crowd): Arrival | null {
  // Resets are how clients leave.
  socket.on('error', () => socket.destroy());
  const visit = crowd.enter(socket);
  if (visit === null) return null;
  socket.setNoDelay(true);
  let timer: NodeJS.Timeout | undefined;
  const limit = (ms: number | null) => {
    clearTimeout(timer);
    if (ms !== null && !socket.destroyed) timer = setTimeout(() => socket.destroy(), ms);
  };
  socket.once('close', () => clearTimeout(timer));
  return { socket, visit, limit };
}

type ClientOptions = SshOptions & { readonly times: SshTimes };

function receiveClient(client: Connection, { socket, visit, limit }: Arrival, options: ClientOptions): void {
  const { times, log } = options;
  const line = watchLine(socket);
  const address = plainAddress(socket.remoteAddress);
  const login = openLogin(client, options);
  let running = 0;
  let sessions = 0;
  // Broken packets and lost connections: the protocol ends the connection by itself.
  client.on('error', () => undefined);
  client.once('handshake', () => limit(times.loginMs));
  socket.once('close', () => {
    if (login.key() !== null || !login.wasTried()) return;
    const act = describeGitAct({ door: 'git-ssh', address }, null, { action: 'ssh:login' });
    options.audit
      .note(act, { outcome: 'refused', code: 'key_not_valid' })
      .catch((error: unknown) => log.error({ err: error }, 'a refused login over SSH was not written down'));
  });
  client.on('authentication', (asked) => {
    login.decide(asked).catch((error: unknown) => {
      if (!socket.destroyed) log.error({ err: error }, 'a login over SSH failed by a bug');
      socket.destroy();
    });
  });
  client.once('ready', () => {
    visit.pass();
    limit(times.idleMs);
  });
  client.on('session', (accept, reject) => {
    const blob = login.key();
    if (blob === null || sessions >= maxSessions) return reject();
    const session = accept();
    sessions += 1;
    session.once('close', () => {
      sessions -= 1;
    });
    const onRun = (by: 1 | -1) => {
      running += by;
      limit(running > 0 ? null : times.idleMs);
    };
    joinSession(session, { line, blob, address, onRun }, options);
  });
}

type Login = {
  /** Answers one request to be let in. */
  decide(asked: AuthContext): Promise<void>;
  /** The key that was shown and proven; null before. */
  key(): Buffer | null;
  /** Whether some key was shown. */
  wasTried(): boolean;
};

/** Public keys alone. A stranger's signature is checked like any other, so that the time tells nothing. */
function openLogin(client: Connection, { door }: Pick<SshOptions, 'door'>): Login {
  let proven: Buffer | null = null;
  let refusals = 0;
  let tried = false;
  const refuse = (asked: AuthContext) => {
    refusals += 1;
    // The first question of every client is what it may try.
    if (refusals > maxTries + 1) client.end();
    else asked.reject(['publickey']);
  };
  return {
    key: () => proven,
    wasTried: () => tried,
    async decide(asked) {
      if (asked.method !== 'publickey' || asked.username !== user) return refuse(asked);
      tried = true;
      const { key, signature, blob: data, hashAlgo: hash } = asked;
      const shown = readKeyBlob(key.data);
      const isKnown = shown !== null && (await door.recognize(key.data, false)) !== null;
      if (signature === undefined || data === undefined) {
        if (!isKnown) return refuse(asked);
        key.algo = algorithmOf(key.algo, hash);
        return asked.accept();
      }
      const isProven =
        shown !== null && verifySignature(shown, { algorithm: key.algo, hash, data, signature });
      if (!isKnown || !isProven) return refuse(asked);
      await door.recognize(key.data, true);
      proven = Buffer.from(key.data);
      asked.accept();
    },
  };
}
