import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive } from './lock.mjs';
import { runAsRoot } from './run.mjs';
import { SetupError, say } from './stop.mjs';

const socketPath = '/var/run/docker.sock';

/**
 * Sees that a Docker engine answers: the one that runs, or one that is started here. Call it, and the function it
 * returns, under the lock; that function ends the engine that was started when no other run uses it any more.
 */
export async function openEngine(folder) {
  const pidFile = join(folder, 'dockerd.pid');
  const state = await ask();
  if (state === 'forbidden')
    throw new SetupError(
      `${socketPath} may not be opened: sudo usermod -aG docker $USER, log in again, try again.`,
    );
  if (state === 'answers' && readPid(pidFile) === undefined) return async () => undefined;
  const users = join(folder, 'users');
  mkdirSync(users, { recursive: true });
  writeFileSync(join(users, String(process.pid)), '');
  try {
    if (state !== 'answers') await startEngine(folder, pidFile);
  } catch (error) {
    await leaveEngine({ folder, users, pidFile });
    throw error;
  }
  return () => leaveEngine({ folder, users, pidFile });
}

async function startEngine(folder, pidFile) {
  say('Starting a Docker engine; it ends with this command');
  const bridge = join(folder, 'docker0-was-there');
  if (existsSync('/sys/class/net/docker0')) writeFileSync(bridge, '');
  const log = join(folder, 'dockerd.log');
  const output = openSync(log, 'a');
  const argv = [
    'dockerd',
    '--pidfile',
    pidFile,
    '--host',
    `unix://${socketPath}`,
    '--group',
    String(process.getgid()),
  ];
  const [file, ...rest] = process.getuid() === 0 ? argv : ['sudo', '--', ...argv];
  const child = spawn(file, rest, { detached: true, stdio: ['inherit', output, output] });
  let ended;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `ended with ${code ?? signal}`));
  child.unref();
  const deadline = Date.now() + 60_000;
  while ((await ask()) !== 'answers') {
    if (ended === undefined && Date.now() < deadline) await pause(100);
    else throw new SetupError(`dockerd ${ended ?? 'did not answer for a minute'}:\n${readEnd(log)}`);
  }
}

/** The last one out ends it; a run that was killed does not count. */
async function leaveEngine({ folder, users, pidFile }) {
  rmSync(join(users, String(process.pid)), { force: true });
  const others = readdirSync(users).map(Number);
  if (others.some(isAlive)) return;
  const pid = readPid(pidFile);
  if (pid !== undefined) await endEngine(folder, pid);
  rmSync(users, { recursive: true, force: true });
  for (const name of ['dockerd.log', 'docker0-was-there']) rmSync(join(folder, name), { force: true });
}

async function endEngine(folder, pid) {
  await runAsRoot('kill', ['-TERM', String(pid)]);
  const deadline = Date.now() + 60_000;
  while (isAlive(pid) && Date.now() < deadline) await pause(50);
  if (isAlive(pid)) throw new SetupError(`dockerd (pid ${pid}) does not end: sudo kill -KILL ${pid}`);
  rmSync(join(folder, 'dockerd.pid'), { force: true });
  if (existsSync(join(folder, 'docker0-was-there')) || !existsSync('/sys/class/net/docker0')) return;
  await runAsRoot('ip', ['link', 'delete', 'docker0']);
}

/** Removes the folder of the set-up when nobody is in it. */
export function leaveFolder(folder) {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT'].includes(error.code)) throw error;
  }
}

/** The engine that we started, while it lives. */
function readPid(pidFile) {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

function ask() {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'answers' : 'silent');
    });
    ping.once('timeout', () => ping.destroy(new Error('no answer')));
    ping.once('error', (error) => resolve(error.code === 'EACCES' ? 'forbidden' : 'silent'));
    ping.end();
  });
}

function readEnd(file) {
  return readFileSync(file, 'utf8').split('\n').slice(-15).join('\n');
}
