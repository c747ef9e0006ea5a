import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError } from './stop.mjs';

const patienceMs = 10 * 60_000;

/** Runs `task` while no other run of ours, in any process, is between the same lines. */
export async function withLock(path, task) {
  await take(path);
  try {
    return await task();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Whether a process with this pid is alive; one of another user is alive too. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function take(path) {
  const deadline = Date.now() + patienceMs;
  while (!tryTake(path)) {
    if (Date.now() > deadline)
      throw new SetupError(`Another run has held ${path} for ten minutes: end it, or remove the folder.`);
    await pause(200);
  }
}

function tryTake(path) {
  try {
    mkdirSync(path);
    writeFileSync(join(path, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const holder = readHolder(path);
    if (holder !== undefined && !isAlive(holder)) rmSync(path, { recursive: true, force: true });
    return false;
  }
}

/** Undefined in the moment between the folder and the file in it. */
function readHolder(path) {
  try {
    return Number(readFileSync(join(path, 'pid'), 'utf8')) || undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
