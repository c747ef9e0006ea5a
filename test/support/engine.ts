import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from './eventually.ts';

/** A Docker engine of one's own, in its own network namespace, that may be killed and frozen. */
export type Engine = {
  readonly socket: string;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

/** Starts dockerd (`more` are options of it) without a default network; it is gone with its folder after the test. */
export async function openEngine(t: TestContext, more: readonly string[] = []): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-engine-'));
  const socket = join(folder, 'docker.sock');
  let child: ChildProcess | undefined;
  async function start(): Promise<void> {
    const inOwnNetwork = ['--net', '--mount', '--', 'dockerd', ...settings(folder, socket), ...more];
    child = spawn('unshare', inOwnNetwork, { stdio: 'ignore' });
    await eventually(() => existsSync(socket) && answers(socket), { timeoutMs: 120_000 });
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await gone;
    // A killed engine leaves its containerd, which the next one would wait for in vain.
    if (signal === 'SIGKILL') endContainerd(folder);
  }
  t.after(async () => {
    await end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { socket, start, kill: () => end('SIGKILL'), signal: (signal) => void child?.kill(signal) };
}

function settings(folder: string, socket: string): string[] {
  const paths = ['data-root', 'exec-root'].flatMap((name) => [`--${name}`, join(folder, name)]);
  const own = ['--pidfile', join(folder, 'docker.pid'), '--host', `unix://${socket}`];
  return [...paths, ...own, '--iptables=false', '--bridge=none', '--storage-driver=vfs'];
}

function endContainerd(folder: string): void {
  const state = join(folder, 'exec-root', 'containerd');
  const pid = Number(readFileSync(join(state, 'containerd.pid'), 'utf8'));
  const command = `/proc/${pid}/cmdline`;
  if (existsSync(command) && readFileSync(command, 'utf8').includes(state)) process.kill(pid, 'SIGKILL');
  rmSync(state, { recursive: true, force: true });
}

async function answers(socket: string): Promise<boolean> {
  const client = connect(socket);
  client.write('GET /_ping HTTP/1.0\r\n\r\n');
  const [data] = await once(client, 'data');
  client.destroy();
  return String(data).includes('200 OK');
}
