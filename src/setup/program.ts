import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../failure.ts';

/** Runs a program to its end and returns its stdout; throws `setup_failed` with the end of its stderr. */
export async function runProgram(
  file: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const child = spawn(file, argv, { signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout] = await Promise.all([text(child.stdout), waitForEnd(child, describe(file, argv))]);
  return stdout;
}

/** As `first | second`, without a shell. */
export async function runPipe(
  first: readonly [file: string, ...argv: string[]],
  second: readonly [file: string, ...argv: string[]],
  signal: AbortSignal,
): Promise<void> {
  const source = spawn(first[0], first.slice(1), { signal, stdio: ['ignore', 'pipe', 'pipe'] });
  const sink = spawn(second[0], second.slice(1), { signal, stdio: ['pipe', 'ignore', 'pipe'] });
  await Promise.all([
    waitForEnd(source, describe(first[0], first.slice(1))),
    waitForEnd(sink, describe(second[0], second.slice(1))),
    pipeline(source.stdout, sink.stdin, { signal }),
  ]);
}

function describe(file: string, argv: readonly string[]): string {
  return [file, ...argv].join(' ').slice(0, 80);
}

async function waitForEnd(child: ChildProcess, name: string): Promise<void> {
  const errors = child.stderr ? text(child.stderr) : Promise.resolve('');
  try {
    const [code, by] = await once(child, 'close');
    if (code === 0) return;
    const reason = (await errors).trim().slice(-500);
    throw new Failure('setup_failed', `${name} ended with ${code ?? by}: ${reason || 'it said nothing'}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failure('setup_failed', `the program ${child.spawnfile} is not installed`, { cause: error });
  }
}
