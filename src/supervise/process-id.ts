import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Names one process for good: its id and its start time, since ids are used again. */
export type ProcessId = { readonly pid: number; readonly start: string };

/** Start time in clock ticks since boot (proc(5), field 22); undefined when there is no such process. */
export function findProcess(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[19] === undefined) return undefined;
    return { pid, start: fields[19] };
  } catch {
    return undefined;
  }
}

export function isAlive(id: ProcessId): boolean {
  return findProcess(id.pid)?.start === id.start;
}

/** The form in pid files: `pid start`. */
export function formatProcess(id: ProcessId): string {
  return `${id.pid} ${id.start}\n`;
}

export function parseProcess(text: string): ProcessId | undefined {
  const [pid, start] = text.trim().split(' ');
  if (!pid || !start || !/^\d+$/.test(pid)) return undefined;
  return { pid: Number(pid), start };
}

const keptBytes = 64;

/** Writes a pid file over the one that is there, in the same block: that works on a disk that is full, too. */
export function keepProcess(file: string, id: ProcessId): void {
  const text = formatProcess(id)
    .trimEnd()
    .padEnd(keptBytes - 1);
  const descriptor = openInPlace(file);
  try {
    writeSync(descriptor, `${text}\n`, 0);
  } finally {
    closeSync(descriptor);
  }
}

function openInPlace(file: string): number {
  try {
    return openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return openSync(file, 'w', 0o600);
  }
}
