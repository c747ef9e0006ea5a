import type { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
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
  /** Runs a program there with these arguments; null for an engine that is not reached by SSH. */
  readonly run: SshConnection['run'] | null;
  /** What its engine was found unable to give a container, so that it is not asked for twice. */
  readonly refusals: Set<'open files'>;
};

export type Fleet = AsyncDisposable & {
  /** Every server by its name, as it is now: they come and go while it is open. */
  readServers(): Promise<Readonly<Record<string, Server>>>;
  /** Throws `server_unknown`. */
  getServer(name: string): Promise<Server>;
  /** The one connection to a server, made when there is none; callers share it and the attempt. */
  connect(name: string, signal: AbortSignal): Promise<ServerConnection>;
  /** A connection of its own to a machine with this host key, which need not be one of the fleet. */
  visit(server: SshServer, fingerprint: string, signal: AbortSignal): Promise<Visit>;
  /** The fingerprint of the key that a server shows now, trusted or not; nothing else is said to it. */
  readHostKey(server: Server, signal: AbortSignal): Promise<string>;
};

/** A machine that is looked at. Whoever asked for it closes it. */
export type Visit = AsyncDisposable & {
  readonly connection: ServerConnection;
  readonly ssh: SshConnection;
};

export type FleetOptions = {
  readonly readServers: () => Servers | Promise<Servers>;
  /** The ledger's pin of a server whose entry in the file has none. */
  readonly findPin: (name: string) => string | null | Promise<string | null>;
  readonly readIdentity: (path: string) => Promise<Buffer>;
  /** Where the embedded registry listens on this machine. */
  readonly registryTarget?: { readonly host: string; readonly port: number } | undefined;
  /** Path of the engine's socket on every server. */
  readonly dockerSocket?: string | undefined;
  readonly log: (message: string) => void;
};

type Servers = Readonly<Record<string, Server>>;

/** What a server was said to be when it was connected, and the connection. */
type Line<T> = { readonly server: Server; readonly shared: Shared<T> };

/** Opens nothing yet: a server is connected when it is first asked for. */
export function openFleet(options: FleetOptions): Fleet {
  const closing = new AbortController();
  const lines = new Map<string, Line<SshConnection>>();
  const connections = new Map<string, Line<ServerConnection>>();

  async function getServer(name: string): Promise<Server> {
    const servers = await options.readServers();
    leaveOthers(servers);
    const server = Object.hasOwn(servers, name) ? servers[name] : undefined;
    if (server) return server;
    throw new Failure('server_unknown', `there is no server ${JSON.stringify(name.slice(0, 80))}`);
  }

  /** Ends the connections to what is not of the fleet any more. */
  function leaveOthers(servers: Servers): void {
    for (const [name, { shared }] of lines) {
      if (Object.hasOwn(servers, name)) continue;
      lines.delete(name);
      connections.delete(name);
      shared.current()?.close();
    }
  }

  function shareSsh(server: SshServer): Shared<SshConnection> {
    return shareLine(lines, server, async () => {
      const pin = server.hostKey ?? (await options.findPin(server.name));
      return openSsh(server, pin, closing.signal);
    });
  }

  async function openSsh(server: SshServer, pin: string | null, signal: AbortSignal): Promise<SshConnection> {
    const via = server.via === null ? undefined : await jumpThrough(server.via);
    const identity = await readIdentity(server, options);
    return await connectSsh({ server, expectHostKey: pin, identity, via, signal, log: options.log });
  }

  async function jumpThrough(name: string): Promise<SshConnection> {
    const server = await getServer(name);
    if (server.kind === 'ssh') return await shareSsh(server).get(closing.signal);
    throw new Failure('server_unknown', `${name} is this machine: nothing can jump through it`);
  }

  async function open(server: Server): Promise<ServerConnection> {
    if (server.kind === 'local') return connectLocal(server, options, closing.signal);
    return connectOver(server, await shareSsh(server).get(closing.signal), options);
  }

  return {
    readServers: async () => options.readServers(),
    getServer,
    async connect(name, signal) {
      closing.signal.throwIfAborted();
      const server = await getServer(name);
      return await shareLine(connections, server, () => open(server)).get(signal);
    },
    async visit(server, fingerprint, signal) {
      const ssh = await openSsh(server, fingerprint, AbortSignal.any([signal, closing.signal]));
      const connection = connectOver(server, ssh, options);
      return { connection, ssh, [Symbol.asyncDispose]: () => ssh[Symbol.asyncDispose]() };
    },
    async readHostKey(server, signal) {
      if (server.kind === 'local') {
        throw new Failure('server_unknown', `${server.name} is this machine: it has no host key`);
      }
      const via = server.via === null ? undefined : await jumpThrough(server.via);
      return await readHostKey({ server, via, signal });
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Failure('ssh_unreachable', 'the fleet was closed'));
      for (const { shared } of lines.values()) await shared.current()?.[Symbol.asyncDispose]();
    },
  };
}

/** The connection that there is, unless the server is another one by now under the same name. */
function shareLine<T extends { readonly closed: AbortSignal; close?(): void }>(
  known: Map<string, Line<T>>,
  server: Server,
  open: () => Promise<T>,
): Shared<T> {
  const found = known.get(server.name);
  if (found !== undefined && isDeepStrictEqual(found.server, server)) return found.shared;
  found?.shared.current()?.close?.();
  const shared = openShared(open);
  known.set(server.name, { server, shared });
  return shared;
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
    run: ssh.run,
    refusals: new Set(),
    async registryAddress() {
      forwarded ??= ssh.forwardLoopback(registryOf(options));
      try {
        const { port } = await forwarded;
        return addressOf({ host: '127.0.0.1', port });
      } catch (error) {
        // Asked for again the next time: what refused it may be mended while the connection lives.
        forwarded = null;
        throw error;
      }
    },
  };
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
