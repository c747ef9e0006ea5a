import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../eventually.ts';
import { runProgram, tryProgram } from '../program.ts';
import type { Plot } from './owner.ts';

/** Namespaces that are a machine: switched on they have a first process, whose end is the end of all others. */
export type Machine = {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  /** The end of its cable on the control machine. */
  readonly link: string;
  readonly cgroup: string;
  switchOn(): Promise<void>;
  /** SIGKILL to everything in it. */
  switchOff(): Promise<void>;
  /** Starts a program in it; the output goes to `<folder>/<log>`. */
  start(log: string, file: string, argv: readonly string[]): Promise<Resident>;
  /** Runs a program in it to its end and returns what it printed. */
  run(file: string, argv: readonly string[]): Promise<string>;
  setLink(state: 'up' | 'down'): Promise<void>;
};

/** A program that runs in a machine. */
export type Resident = {
  readonly pid: number;
  freeze(): void;
  thaw(): void;
  end(signal: NodeJS.Signals): Promise<void>;
};

const bootScript = fileURLToPath(new URL('./boot.sh', import.meta.url));
const cleanEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };

/** The `index`th machine of a fleet, switched off. */
export async function makeMachine(plot: Plot, name: string, index: number): Promise<Machine> {
  const folder = join(plot.folder, name);
  const address = `${plot.subnet}.${11 + index}`;
  const link = `${plot.bridge}v${index}`;
  await mkdir(join(folder, 'etc-docker'), { recursive: true });
  await writeFile(join(folder, 'shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o600 });
  let boot: { readonly child: ChildProcess; readonly pid: number } | undefined;
  const residents: Resident[] = [];
  const enter = (): string[] => {
    if (!boot) throw new Error(`${name} is switched off`);
    return ['--target', String(boot.pid), '--mount', '--net', '--uts', '--pid', '--'];
  };
  return {
    name,
    address,
    folder,
    link,
    cgroup: `${plot.bridge}-${name}`,
    async switchOn() {
      boot = await startBoot(name, folder);
      await plugIn({ plot, link, address, pid: boot.pid });
    },
    async switchOff() {
      if (!boot) return;
      const { child, pid } = boot;
      boot = undefined;
      if (child.exitCode !== null || child.signalCode !== null) return;
      // Nothing else may keep the test's process alive while its end is waited for.
      child.ref();
      const gone = once(child, 'exit');
      process.kill(pid, 'SIGKILL');
      await Promise.all([gone, ...residents.splice(0).map((resident) => resident.end('SIGKILL'))]);
      // the kernel would take it away with the namespace, at a time of its own
      await tryProgram('ip', ['link', 'delete', link]);
    },
    async start(log, file, argv) {
      const resident = await startResident(join(folder, log), [...enter(), file, ...argv]);
      residents.push(resident);
      return resident;
    },
    run: (file, argv) => runProgram('nsenter', [...enter(), file, ...argv], { env: cleanEnv }),
    setLink: async (state) => void (await runProgram('ip', ['link', 'set', link, state])),
  };
}

/** Dies with this process, even when that is killed: nothing is left but the bridge and the folder. */
async function startBoot(name: string, folder: string): Promise<{ child: ChildProcess; pid: number }> {
  const namespaces = [
    '--net',
    '--uts',
    '--pid',
    '--mount',
    '--propagation',
    'slave',
    '--mount-proc',
    '--fork',
  ];
  const argv = [
    '--pdeathsig',
    'KILL',
    'unshare',
    ...namespaces,
    '--kill-child',
    '--',
    bootScript,
    name,
    folder,
  ];
  const log = join(folder, 'boot.log');
  const errors = openSync(log, 'a');
  const child = spawn('setpriv', argv, { detached: true, env: cleanEnv, stdio: ['ignore', 'pipe', errors] });
  closeSync(errors);
  const { stdout } = child;
  if (!stdout) throw new Error('setpriv was started without an output');
  const [line] = await Promise.race([once(stdout, 'data'), once(child, 'exit')]);
  if (String(line) !== 'up\n') throw new Error(`${name} did not start: ${readFileSync(log, 'utf8')}`);
  stdout.destroy();
  child.unref();
  const pid = listChildren(child.pid ?? 0)[0];
  if (!pid) throw new Error(`${name} died while it started`);
  return { child, pid };
}

type Cable = { readonly plot: Plot; readonly link: string; readonly address: string; readonly pid: number };

async function plugIn({ plot, link, address, pid }: Cable): Promise<void> {
  const outside = [
    `link add ${link} type veth peer name eth0 address ${describeCard(address)} netns ${pid}`,
    `link set ${link} master ${plot.bridge} up`,
  ];
  await runProgram('ip', ['-batch', '-'], { stdin: `${outside.join('\n')}\n` });
  const inside = `addr add ${address}/24 dev eth0\nlink set lo up\nlink set eth0 up\n`;
  await runProgram('nsenter', ['--target', String(pid), '--net', '--', 'ip', '-batch', '-'], {
    stdin: inside,
  });
}

/** A card keeps its address over a reboot, or neighbours would go on asking the old one. */
function describeCard(address: string): string {
  const parts = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '00', ...parts].join(':');
}

async function startResident(log: string, argv: readonly string[]): Promise<Resident> {
  const output = openSync(log, 'a');
  const child = spawn('nsenter', argv, { detached: true, env: cleanEnv, stdio: ['ignore', output, output] });
  closeSync(output);
  const gone = once(child, 'exit');
  child.unref();
  // nsenter stays outside and waits: the program is its child, and when that is stopped nsenter stops too
  const pid = await eventually(() => listChildren(child.pid ?? 0)[0] ?? 0, { intervalMs: 5 });
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    freeze: () => void process.kill(pid, 'SIGSTOP'),
    thaw() {
      process.kill(pid, 'SIGCONT');
      child.kill('SIGCONT');
    },
    async end(signal) {
      if (isGone()) return;
      tryKill(pid, signal);
      child.kill('SIGCONT');
      child.ref();
      if (!isGone()) await gone;
    },
  };
}

/** A signal for a process that may be gone by now. */
export function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Children of a process, by their pids on the control machine. */
export function listChildren(pid: number): number[] {
  const line = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return line
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}
