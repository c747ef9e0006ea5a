import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import { runProgram } from '../program.ts';
import { listChildren, type Machine, type Resident } from './machine.ts';

/** A machine with sshd and a Docker engine, and ways to hurt it. */
export type TestServer = {
  readonly name: string;
  /** Its address on the fleet's bridge; the control machine reaches what is published there. */
  readonly address: string;
  readonly sshPort: number;
  readonly user: string;
  /** Private key that logs in. */
  readonly identity: string;
  /** `SHA256:…` of its host key. */
  readonly hostKey: string;
  /** For `docker -H` on the control machine; not cut by a partition. */
  readonly dockerHost: string;
  /** The path of the same socket. */
  readonly dockerSocket: string;
  /** What deploy.config.json says of it under `servers.<name>`. */
  readonly config: Readonly<Record<string, string>>;
  /** Logs, keys and the engine's data. */
  readonly folder: string;
  /** Pids on the control machine; undefined while it does not run. */
  dockerPid(): number | undefined;
  sshPid(): number | undefined;
  /** Runs a program on it, not by ssh. */
  run(file: string, argv: readonly string[]): Promise<string>;
  /** The cable out: packets vanish in silence. */
  partition(): Promise<void>;
  heal(): Promise<void>;
  /** SIGKILL of dockerd; its containers live on until it starts again. */
  killDocker(): Promise<void>;
  startDocker(): Promise<void>;
  /** SIGSTOP: the engine accepts connections and answers nothing. */
  pauseDocker(): void;
  resumeDocker(): void;
  /** SIGKILL of sshd and of every session. */
  killSsh(): Promise<void>;
  startSsh(): Promise<void>;
  /** SIGKILL of everything at once; the disk stays. */
  powerOff(): Promise<void>;
  powerOn(): Promise<void>;
};

export type ServerKeys = { readonly identity: string };

/** Starts sshd and dockerd on a machine that is switched off. */
export async function openServer(machine: Machine, keys: ServerKeys): Promise<TestServer> {
  const { name, address, folder } = machine;
  const socket = join(folder, 'docker.sock');
  const hostKey = await makeHostKey(folder);
  await writeFile(join(folder, 'sshd_config'), describeSshd(folder, keys).join('\n'));
  await writeFile(join(folder, 'daemon.json'), '{}');
  let docker: Resident | undefined;
  let ssh: Resident | undefined;
  async function startDocker(): Promise<void> {
    await rm(socket, { force: true });
    docker = await machine.start('dockerd.log', 'dockerd', describeEngine(machine, socket));
    await eventually(() => existsSync(socket) && answers(socket), { timeoutMs: 120_000, intervalMs: 20 });
  }
  async function startSsh(): Promise<void> {
    ssh = await machine.start('nsenter.log', '/usr/sbin/sshd', describeListener(folder));
    await eventually(() => machine.run('ss', ['-Hltn', 'sport = 22']), { intervalMs: 10 });
  }
  async function powerOn(): Promise<void> {
    await machine.switchOn();
    await Promise.all([startDocker(), startSsh()]);
  }
  await powerOn();
  return {
    name,
    address,
    folder,
    sshPort: 22,
    user: 'root',
    identity: keys.identity,
    hostKey,
    dockerHost: `unix://${socket}`,
    dockerSocket: socket,
    config: { ssh: `root@${address}:22`, identity: keys.identity, hostKey, address },
    dockerPid: () => docker?.pid,
    sshPid: () => ssh?.pid,
    run: (file, argv) => machine.run(file, argv),
    partition: () => machine.setLink('down'),
    heal: () => machine.setLink('up'),
    startDocker,
    startSsh,
    powerOn,
    async killDocker() {
      await docker?.end('SIGKILL');
      docker = undefined;
    },
    pauseDocker: () => running(docker).freeze(),
    resumeDocker: () => running(docker).thaw(),
    async killSsh() {
      if (ssh) endSessions(ssh.pid);
      await ssh?.end('SIGKILL');
      ssh = undefined;
    },
    async powerOff() {
      await machine.switchOff();
      docker = undefined;
      ssh = undefined;
    },
  };
}

function running(resident: Resident | undefined): Resident {
  if (!resident) throw new Error('it does not run');
  return resident;
}

/** Sessions outlive their sshd: parents first, so that none is made in between. */
function endSessions(pid: number): void {
  for (const child of listChildren(pid)) {
    const below = listChildren(child);
    process.kill(child, 'SIGKILL');
    for (const session of below) process.kill(session, 'SIGKILL');
  }
}

/** An ed25519 key of its own; returns its fingerprint. */
async function makeHostKey(folder: string): Promise<string> {
  const path = join(folder, 'host_ed25519');
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path]);
  const line = await runProgram('ssh-keygen', ['-l', '-f', `${path}.pub`]);
  return line.split(' ')[1] ?? '';
}

function describeListener(folder: string): string[] {
  return ['-D', '-f', join(folder, 'sshd_config'), '-E', join(folder, 'sshd.log')];
}

function describeSshd(folder: string, { identity }: ServerKeys): string[] {
  return [
    'Port 22',
    'ListenAddress 0.0.0.0',
    `HostKey ${join(folder, 'host_ed25519')}`,
    'PidFile none',
    `AuthorizedKeysFile ${identity}.pub`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'UsePAM no',
    'UseDNS no',
    'StrictModes no',
    'LogLevel VERBOSE',
    'MaxSessions 200',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
    '',
  ];
}

function describeEngine({ folder, cgroup }: Machine, socket: string): string[] {
  return [
    ...['--config-file', join(folder, 'daemon.json')],
    ...['--data-root', join(folder, 'docker')],
    // the default path for those who log in, the other one for the control machine
    ...['--host', 'unix:///var/run/docker.sock', '--host', `unix://${socket}`],
    ...['--cgroup-parent', `/${cgroup}`],
    ...['--log-level', 'warn'],
  ];
}

async function answers(socketPath: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const ping = request({ socketPath, path: '/_ping', agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  ping.once('error', reject).end();
  return (await Promise.race([promise, pause(5_000)])) === 200;
}
