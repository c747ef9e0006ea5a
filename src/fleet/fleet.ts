import type { Duplex } from 'node:stream';
import { Failure } from '../failure.ts';
import type { LocalServer, Server, SshServer } from '../model/server.ts';
import { agentOver } from './agent.ts';
import { type DiskSpace, readSpaceThere } from './disk.ts';
import { type Docker, openDockerOver, openLocalDocker } from './docker.ts';
import { connectEngine } from './engine.ts';
import { explainNoDocker } from './explain.ts';
import { openShared, type Shared } from './shared.ts';
import { connectSsh, readHostKey, type SshConnection } from './ssh.ts';

/** A server that was reached: its engine, and how that engine reaches our registry. */
export type ServerConnection = {
  readonly server: Server;
  readonly docker: Docker;
  /** Aborts when the connection is gone, with the Failure that says why. */
  readonly closed: AbortSignal;
  /** A connection to an address as that server sees it, such as a container's on a network of its engine. */
  openTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex>;
  /** `host:port` under which this server's engine reaches the embedded registry. */
  registryAddress(): Promise<string>;
  /** Of the file system that has the engine's images; null when the server does not tell. */
  diskSpace(signal: AbortSignal): Promise<DiskSpace | null>;
  /** What its engine was found unable to give a container, so that it is not asked for twice. */
  readonly refusals: Set<'open files'>;
};

export type Fleet = AsyncDisposable & {
  readonly servers: Readonly<Record<string, Server>>;
  /** The one connection to a server, made when there is none; callers share it and the attempt. */
  connect(name: string, signal: AbortSignal): Promise<ServerConnection>;
  /** The fingerprint of the key that a server shows now, trusted or not; nothing else is said to it. */
  readHostKey(name: string, signal: AbortSignal): Promise<string>;
};

export type FleetOptions = {
  readonly servers: Readonly<Record<string, Server>>;
  /** The ledger's pin of a server whose entry in the file has none. */
  readonly findPin: (name: string) => string | null | Promise<string | null>;
  readonly readIdentity: (path: string) => Promise<Buffer>;
  /** Where the embedded registry listens on this machine. */
  readonly registryTarget?: { readonly host: string; readonly port: number } | undefined;
  /** Path of the engine's socket on every server. */
  readonly dockerSocket?: string | undefined;
  readonly log: (message: string) => void;
};

/** Opens nothing yet: a server is connected when it is first asked for. */
export function openFleet(options: FleetOptions): Fleet {
  const closing = new AbortController();
  const lines = new Map<string, Shared<SshConnection>>();
  const connections = new Map<string, Shared<ServerConnection>>();

  function shareSsh(server: SshServer): Shared<SshConnection> {
    return getOrAdd(lines, server.name, () => openShared(() => openSsh(server)));
  }

  async function openSsh(server: SshServer): Promise<SshConnection> {
    const via = server.via === null ? undefined : await jumpThrough(server.via);
    return await connectSsh({
      server,
      expectHostKey: server.hostKey ?? (await options.findPin(server.name)),
      identity: await readIdentity(server, options),
      via,
      signal: closing.signal,
      log: options.log,
    });
  }

  async function jumpThrough(name: string): Promise<SshConnection> {
    const server = findServer(options.servers, name);
    if (server.kind === 'ssh') return await shareSsh(server).get(closing.signal);
    throw new Failure('server_unknown', `${name} is this machine: nothing can jump through it`);
  }

  async function open(name: string): Promise<ServerConnection> {
    const server = findServer(options.servers, name);
    if (server.kind === 'local') return connectLocal(server, options, closing.signal);
    return connectOver(server, await shareSsh(server).get(closing.signal), options);
  }

  return {
    servers: options.servers,
    async connect(name, signal) {
      closing.signal.throwIfAborted();
      return await getOrAdd(connections, name, () => openShared(() => open(name))).get(signal);
    },
    async readHostKey(name, signal) {
      const server = findServer(options.servers, name);
      if (server.kind === 'local') {
        throw new Failure('server_unknown', `${name} is this machine: it has no host key`);
      }
      const via = server.via === null ? undefined : await jumpThrough(server.via);
      return await readHostKey({ server, via, signal });
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Failure('ssh_unreachable', 'the fleet was closed'));
      for (const line of lines.values()) await line.current()?.[Symbol.asyncDispose]();
    },
  };
}

function connectLocal(server: LocalServer, options: FleetOptions, closed: AbortSignal): ServerConnection {
  const docker = openLocalDocker(options.dockerSocket ? { socketPath: options.dockerSocket } : {});
  const registryAddress = async () => addressOf(registryOf(options));
  return { ...connectEngine(server, docker), closed, registryAddress };
}

function connectOver(server: SshServer, ssh: SshConnection, options: FleetOptions): ServerConnection {
  const path = options.dockerSocket ?? '/var/run/docker.sock';
  const agent = agentOver(async () => {
    try {
      return await ssh.openSocket(path);
    } catch (error) {
      throw await explainNoDocker(ssh, path, error);
    }
  });
  let forwarded: Promise<{ port: number }> | null = null;
  const docker = openDockerOver(agent);
  return {
    server,
    docker,
    diskSpace: (signal) => readSpaceThere(docker, ssh, signal),
    closed: ssh.closed,
    openTcp: ssh.openTcp,
    refusals: new Set(),
    async registryAddress() {
      forwarded ??= ssh.forwardLoopback(registryOf(options));
      const { port } = await forwarded;
      return addressOf({ host: '127.0.0.1', port });
    },
  };
}

function findServer(servers: FleetOptions['servers'], name: string): Server {
  const server = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (server) return server;
  throw new Failure('server_unknown', `there is no server ${name} in deploy.config.json`);
}

async function readIdentity(server: SshServer, options: FleetOptions): Promise<Buffer> {
  try {
    return await options.readIdentity(server.identity);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new Failure(
      'ssh_auth_failed',
      `${server.name}: its identity ${server.identity} cannot be read: ${code}`,
      {
        cause: error,
        fix: 'Correct the path in deploy.config.json, or let this user read the file.',
      },
    );
  }
}

function registryOf(options: FleetOptions): { readonly host: string; readonly port: number } {
  if (options.registryTarget) return options.registryTarget;
  throw new Error('registryAddress() was asked for, but the registry is not embedded');
}

function addressOf(target: { readonly host: string; readonly port: number }): string {
  return `${target.host}:${target.port}`;
}

function getOrAdd<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
