import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fingerprintOf } from '../../src/fleet/host-key.ts';
import type { Right } from '../../src/model/access.ts';
import { openDoor } from '../../src/pipeline/accept/door.ts';
import { openSsh, type SshOptions } from '../../src/receive/ssh/door.ts';
import { ensureHostKey } from '../../src/receive/ssh/host-key.ts';
import { parsePublicKey } from '../../src/receive/ssh/key.ts';
import { openCommandSlots } from '../../src/receive/ssh/session.ts';
import { openGuestCommands } from '../../src/server/guest-commands.ts';
import { addKey, type Key, removeKey } from '../../src/store/access/keys.ts';
import { type ApiWorld, openApiWorld } from './api-world.ts';
import { limits, openWorld, type Ran, runClient, startClient, type WorldOptions } from './receive-world.ts';

export type SshWorldOptions = WorldOptions &
  Pick<Partial<SshOptions>, 'times' | 'connections' | 'pace'> & {
    /** Has images of releases, for what runs them. */
    readonly bringImage?: () => Promise<string>;
  };

/** The receive world with the real door, ledger and API behind it, reached by the real ssh over a loopback port. */
export async function openSshWorld(t: TestContext, options: SshWorldOptions = {}) {
  const api = await openApiWorld(
    t,
    {},
    options.bringImage === undefined ? {} : { bringImage: options.bringImage },
  );
  const world = await openWorld({ ...options, audit: api.audit });
  t.after(() => world[Symbol.asyncDispose]());
  const note = (details: object, message: string) => void world.logged.push({ message, ...details });
  const log = { info: note, warn: note, error: note };
  mkdirSync(join(world.folder, 'keys'));
  const host = await ensureHostKey(world.folder);
  const { times, connections, pace } = options;
  const ssh = await openSsh({
    hostKey: host.key,
    listen: { host: '127.0.0.1', port: 0 },
    limits: { ...limits, ...options.limits },
    door: openDoor({ config: api.config, db: api.db, git: world.git, log }),
    runs: world.runs,
    audit: world.audit,
    commands: openGuestCommands(api.config, api.guests),
    commandSlots: openCommandSlots(),
    help: ['no shell'],
    log,
    ...(times === undefined ? {} : { times }),
    ...(connections === undefined ? {} : { connections }),
    ...(pace === undefined ? {} : { pace }),
  });
  t.after(() => ssh[Symbol.asyncDispose]());
  const known = join(world.folder, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${ssh.port} ${host.line}\n`);
  return makeClients({ api, world, port: ssh.port, known });
}

export type SshWorld = Awaited<ReturnType<typeof openSshWorld>>;

type Parts = {
  readonly api: ApiWorld;
  readonly world: Awaited<ReturnType<typeof openWorld>>;
  readonly port: number;
  readonly known: string;
};

function makeClients({ api, world, port, known }: Parts) {
  const { folder } = world;
  const file = (name: string) => join(folder, 'keys', name);
  const words = (key: string, options: readonly string[] = []) => [
    ...['-F', '/dev/null', '-p', String(port), '-i', file(key), '-T'],
    ...[
      `UserKnownHostsFile=${known}`,
      'StrictHostKeyChecking=yes',
      'IdentitiesOnly=yes',
      'BatchMode=yes',
    ].flatMap((option) => ['-o', option]),
    ...options,
  ];
  const gitEnv = (key: string) => ({ GIT_SSH_COMMAND: ['ssh', ...words(key)].join(' ') });

  function start(key: string, args: readonly string[], options: readonly string[] = []) {
    return spawn('ssh', [...words(key, options), 'git@127.0.0.1', ...args], {
      env: { PATH: process.env.PATH },
    });
  }

  return {
    ...world,
    api,
    httpPort: world.port,
    port,
    remote: (app = 'shop') => `ssh://git@127.0.0.1:${port}/${app}.git`,
    /** A key pair of ssh-keygen whose public half is registered; its rights are on the app, or on all. */
    async makeKey(
      name: string,
      rights: Right[],
      appId: string | null = null,
      ...how: string[]
    ): Promise<Key> {
      makeKeyPair(file(name), how);
      const { blob } = parsePublicKey(readFileSync(`${file(name)}.pub`, 'utf8'));
      const wanted = {
        name,
        rights,
        appId,
        days: null,
        actor: 'test',
        blob,
        fingerprint: fingerprintOf(blob),
      };
      return addKey(api.db, wanted);
    },
    makeStranger: (name: string) => makeKeyPair(file(name), []),
    removeKey: (key: Key) => removeKey(api.db, key.id),
    start,
    async ssh(key: string, args: readonly string[], options?: readonly string[], input = '') {
      const child = start(key, args, options);
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      return collect(child);
    },
    git: (key: string, cwd: string, ...args: string[]): Promise<Ran> => runClient(cwd, args, gitEnv(key)),
    startGit: (key: string, cwd: string, ...args: string[]) => startClient(cwd, args, gitEnv(key)),
    gitEnv,
    privateKey: (name: string) => readFileSync(file(name)),
    runGit: runClient,
    store: world.git,
    /** Gits in the world's repositories and commands of the command line that run on. */
    processes: () => listProcesses(join(folder, 'repositories'), api.config.data),
  };
}

function makeKeyPair(path: string, how: readonly string[]): void {
  const kind = how.length === 0 ? ['-t', 'ed25519'] : how;
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'test', '-f', path, ...kind]);
}

async function collect(child: ChildProcessWithoutNullStreams) {
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (said.stdout += chunk));
  child.stderr.on('data', (chunk) => (said.stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}

function listProcesses(repositories: string, data: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(
      (pid) =>
        [readQuietly(`/proc/${pid}/cmdline`), readQuietly(`/proc/${pid}/environ`), cwdOf(pid)] as const,
    )
    .filter(
      ([line, env, cwd]) =>
        line.includes(repositories) || cwd.startsWith(repositories) || env.includes(`HAWSER_SOCKET=${data}`),
    )
    .map(([line]) => line.replaceAll('\0', ' '));
}

/** Where a process stands: a hook in its repository. */
function cwdOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended since it was listed.
    return '';
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended since it was listed.
    return '';
  }
}
