import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

/** True for a process that has ended, also when nobody has asked for its exit code yet. */
export function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

const freezeTries = 50;

/**
 * SIGSTOP at a moment in which the process is in no transaction of the ledger: one that holds its lock would keep
 * everybody else from writing, and the test would be about that.
 */
export async function freezeOutsideTransactions(pid: number, data: string): Promise<void> {
  using ledger = new DatabaseSync(join(data, 'ledger.db'), { timeout: 300 });
  for (let tries = 0; tries < freezeTries; tries += 1) {
    process.kill(pid, 'SIGSTOP');
    try {
      ledger.exec('begin immediate');
      ledger.exec('rollback');
      return;
    } catch (error) {
      process.kill(pid, 'SIGCONT');
      if (!(error as Error).message.includes('locked')) throw error;
    }
    await pause(1);
  }
  throw new Error(`process ${pid} was in a transaction ${freezeTries} times`);
}

/** Lets a frozen process go on, if nobody has ended it meanwhile. */
export function thaw(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
