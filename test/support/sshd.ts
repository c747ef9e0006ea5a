import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SshServer } from '../../src/model/server.ts';
import { eventually } from './eventually.ts';

/** A real OpenSSH server on a loopback port, with a host key and a user key of its own. */
export type Sshd = {
  readonly server: SshServer;
  readonly fingerprint: string;
  readonly identity: Buffer;
  readonly folder: string;
  /** What sshd logged so far (LogLevel DEBUG1). */
  readLog(): string;
  /** How many connections it accepted so far. */
  countConnections(): number;
  /** Ends every session, as a reboot would; sshd itself goes on listening. */
  endSessions(): void;
  /** Stops every session from answering, as a cut link would. */
  freezeSessions(): void;
};

/** Starts it; `settings` are lines of sshd_config that win over ours. */
export async function openSshd(
  t: TestContext,
  name: string,
  settings: readonly string[] = [],
): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-sshd-'));
  let child: ChildProcess | undefined;
  t.after(async () => {
    if (child) await endWithSessions(child);
    // A session that was killed a moment ago may still close its log.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  const hostKey = join(folder, 'host_ed25519');
  const identityPath = join(folder, 'id_ed25519');
  const log = join(folder, 'sshd.log');
  for (const path of [hostKey, identityPath]) makeKey(path);
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(`${identityPath}.pub`));
  const port = await findFreePort();
  const config = join(folder, 'sshd_config');
  writeFileSync(config, [...settings, ...defaultSettings(folder, hostKey, port), ''].join('\n'));
  chmodSync(folder, 0o755);
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-f', config, '-E', log], { stdio: 'ignore' });
  child = sshd;
  await eventually(() => readFileSync(log, 'utf8').includes('Server listening'));
  return {
    server: {
      name,
      kind: 'ssh',
      user: userInfo().username,
      host: '127.0.0.1',
      port,
      identity: identityPath,
      hostKey: null,
      via: null,
      address: '127.0.0.1',
      roles: [],
    },
    fingerprint: readFingerprint(`${hostKey}.pub`),
    identity: readFileSync(identityPath),
    folder,
    readLog: () => readFileSync(log, 'utf8'),
    countConnections: () => readFileSync(log, 'utf8').split('Connection from ').length - 1,
    endSessions: () => signalChildren(sshd, 'SIGTERM'),
    freezeSessions: () => signalChildren(sshd, 'SIGSTOP'),
  };
}

/** Makes an ed25519 key pair without a passphrase. */
export function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path]);
}

/** The `SHA256:…` that ssh-keygen prints of a public key file. */
export function readFingerprint(path: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' }).split(' ')[1] ?? '';
}

/** A loopback port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
  });
  return await promise;
}

function defaultSettings(folder: string, hostKey: string, port: number): string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `PidFile ${join(folder, 'sshd.pid')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin yes',
    'LogLevel DEBUG1',
    'MaxStartups 100',
  ];
}

/** sshd's sessions outlive it: end its children too, by their pids, frozen ones as well. */
async function endWithSessions(child: ChildProcess): Promise<void> {
  const ended = child.exitCode === null ? once(child, 'exit') : undefined;
  signalChildren(child, 'SIGKILL');
  child.kill('SIGTERM');
  await ended;
}

function signalChildren({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  for (const session of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number)) {
    if (session > 0) signalProcess(session, signal);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
