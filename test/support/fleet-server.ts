import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { run, runQuietly } from './run.ts';

/** One server: a network namespace with an address, an sshd and a Docker engine of its own. */
export type TestServer = {
  readonly name: string;
  readonly address: string;
  readonly user: string;
  readonly identity: string;
  /** `SHA256:…` of its sshd. */
  readonly hostKey: string;
  /** Its engine's socket as seen from this machine; for assertions, never for the product. */
  readonly dockerHost: string;
  /** Cuts its link; the processes go on. */
  partition(): Promise<void>;
  heal(): Promise<void>;
  killDocker(): Promise<void>;
  startDocker(): Promise<void>;
  killSsh(): Promise<void>;
  startSsh(): Promise<void>;
  /** Everything in it dies at once, as when the power fails. */
  powerOff(): Promise<void>;
  powerOn(): Promise<void>;
  /** Output of a docker command against its engine. */
  docker(...argv: string[]): Promise<string>;
  close(): Promise<void>;
};

export type ServerPlan = {
  readonly name: string;
  readonly folder: string;
  readonly namespace: string;
  readonly link: string;
  readonly bridge: string;
  readonly address: string;
  readonly gateway: string;
  readonly identity: string;
};

/** Makes the namespace and starts what a server needs: sshd and an engine. */
export async function openTestServer(plan: ServerPlan): Promise<TestServer> {
  const { folder, namespace, link } = plan;
  const socket = join(folder, 'docker.sock');
  await mkdir(folder, { recursive: true });
  await makeNamespace(plan);
  await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host_key'));
  await writeFile(join(folder, 'authorized_keys'), await readFile(`${plan.identity}.pub`));
  await writeFile(join(folder, 'sshd_config'), sshdConfig(plan));
  const processes = new Map<string, ChildProcess>();

  async function start(name: string, file: string, ...argv: string[]): Promise<void> {
    const anchor = processes.get('anchor')?.pid;
    const into = ['--mount', '--net'].map(
      (kind) => `${kind}=/proc/${anchor}/ns/${kind === '--net' ? 'net' : 'mnt'}`,
    );
    processes.set(name, spawnLogged(folder, name, 'nsenter', [...into, '--', file, ...argv]));
  }

  async function powerOn(): Promise<void> {
    // A mount namespace with a /run of its own: sshd's users find this server's engine at the usual path.
    const script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/sshd && exec sleep infinity';
    const enter = [`--net=/run/netns/${namespace}`, '--', 'unshare', '--mount', '--propagation', 'private'];
    const anchor = spawnLogged(folder, 'anchor', 'nsenter', [...enter, 'sh', '-c', script]);
    processes.set('anchor', anchor);
    await eventually(async () => (await readFile(`/proc/${anchor.pid}/cmdline`, 'utf8')).startsWith('sleep'));
    await Promise.all([startSsh(), startDocker()]);
  }

  async function startSsh(): Promise<void> {
    await start('sshd', '/usr/sbin/sshd', '-D', '-e', '-f', join(folder, 'sshd_config'));
    await eventually(() => run('ssh-keyscan', '-T', '2', '-t', 'ed25519', plan.address), {
      timeoutMs: 20_000,
    });
  }

  async function startDocker(): Promise<void> {
    await start('dockerd', 'dockerd', ...dockerdArguments(plan, socket));
    await eventually(() => docker('version'), { timeoutMs: 30_000 });
  }

  async function kill(name: string): Promise<void> {
    const child = processes.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async function powerOff(): Promise<void> {
    const pids = (await run('ip', 'netns', 'pids', namespace)).split('\n').filter(Boolean).map(Number);
    for (const pid of pids) killProcess(pid);
    await eventually(async () => (await run('ip', 'netns', 'pids', namespace)).trim() === '', {
      timeoutMs: 20_000,
    });
    // Containers live in network namespaces of their own, but below the engine's shims in this folder.
    for (const pid of await listShims(folder)) killProcess(pid);
  }

  const docker = (...argv: string[]) => run('docker', '-H', `unix://${socket}`, ...argv);
  await powerOn();
  return {
    name: plan.name,
    address: plan.address,
    user: 'root',
    identity: plan.identity,
    hostKey: (await run('ssh-keygen', '-l', '-f', join(folder, 'host_key.pub'))).split(' ')[1] ?? '',
    dockerHost: `unix://${socket}`,
    partition: async () => void (await run('ip', 'link', 'set', link, 'down')),
    heal: async () => void (await run('ip', 'link', 'set', link, 'up')),
    killDocker: () => kill('dockerd'),
    startDocker,
    killSsh: () => kill('sshd'),
    startSsh,
    powerOff,
    powerOn,
    docker,
    async close() {
      const ids = (await docker('ps', '-aq').catch(() => '')).split('\n').filter(Boolean);
      if (ids.length > 0) await docker('rm', '-f', ...ids).catch(() => {});
      await powerOff();
      await runQuietly('ip', 'link', 'del', link);
      await runQuietly('ip', 'netns', 'del', namespace);
    },
  };
}

async function makeNamespace({ namespace, link, bridge, address, gateway }: ServerPlan): Promise<void> {
  await run('ip', 'netns', 'add', namespace);
  await run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  await run('ip', 'link', 'set', link, 'master', bridge, 'up');
  await run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  await run('ip', '-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
  await run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
  await run('ip', '-n', namespace, 'route', 'add', 'default', 'via', gateway);
}

function sshdConfig({ folder, address }: ServerPlan): string {
  return [
    `ListenAddress ${address}:22`,
    `HostKey ${join(folder, 'host_key')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxSessions 100',
    'MaxStartups 100',
    '',
  ].join('\n');
}

function dockerdArguments({ folder }: ServerPlan, socket: string): string[] {
  return [
    ...['-H', 'unix:///run/docker.sock', '-H', `unix://${socket}`],
    ...[
      '--data-root',
      join(folder, 'docker'),
      '--exec-root',
      '/run/docker-exec',
      '--pidfile',
      '/run/docker.pid',
    ],
    ...[
      '--containerd-namespace',
      `hawser-${folder.split('/').at(-1)}`,
      '--live-restore',
      '--log-level',
      'warn',
    ],
  ];
}

function spawnLogged(folder: string, name: string, file: string, argv: readonly string[]): ChildProcess {
  const output = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(file, [...argv], { stdio: ['ignore', output, output] });
  closeSync(output);
  return child;
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Shims and what they run name the server's own containerd socket or its data folder on their command line. */
async function listShims(folder: string): Promise<number[]> {
  const lines = (await run('ps', '-eo', 'pid=,args=')).split('\n');
  return lines
    .filter((line) => line.includes(folder) && !line.includes(' ps -eo'))
    .map((line) => Number.parseInt(line, 10));
}
