import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import { findProcess, formatProcess, isAlive, parseProcess } from './process-id.ts';

/**
 * Makes this process the only one of its role on a data folder, until it is disposed of or dies.
 * Throws `already_running`.
 */
export function lockRole(folder: string, role: string): Disposable {
  const file = join(folder, `${role}.pid`);
  const mine = findProcess(process.pid);
  if (mine === undefined) throw new Error('this process is not in /proc');
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, formatProcess(mine), { mode: 0o600 });
  try {
    if (!link(draft, file)) {
      const holder = parseProcess(read(file));
      if (holder && isAlive(holder)) {
        throw new Failure(
          'already_running',
          `hawser ${role} runs already on ${folder} (process ${holder.pid}).`,
        );
      }
      rmSync(file, { force: true });
      if (!link(draft, file))
        throw new Failure('already_running', `hawser ${role} was just started on ${folder}.`);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    [Symbol.dispose]() {
      if (parseProcess(read(file))?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

/** A link is made whole or not at all, also when two processes try at once. */
function link(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
