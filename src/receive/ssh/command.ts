import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Actor } from '../../model/access.ts';
import { signalGroup } from '../git/process.ts';
import { type ChannelWriter, pumpInput, pumpOutput, type ServerChannel } from './channel.ts';
import type { SshWindow } from './window.ts';

/** The command line of Hawser for those who have no Node: a process that may do what its actor may. */
export type SshCommands = {
  /** Starts it in a group of its own; `recheck` throws once the actor may not come in any more. */
  start(argv: readonly string[], recheck: () => Promise<Actor>, where: GuestPlace): RunningCommand;
};

/** Where somebody is who comes over SSH. */
export type GuestPlace = { readonly address: string; readonly window: SshWindow | null };

export type RunningCommand = {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it was lent is taken back. */
  end(): void;
};

const graceMs = 2_000;
const interrupt = 3;
const endOfInput = 4;

/** Joins a session to a command until that ends; it ends with its client. Resolves with its exit code. */
export async function performCommand(
  { child, end }: RunningCommand,
  { channel, writer, window }: { channel: ServerChannel; writer: ChannelWriter; window: SshWindow | null },
): Promise<number> {
  // A command that takes the terminal says so; then it has every key, and nothing of what it shows is changed.
  let takesKeys = window === null;
  child.on('message', () => {
    takesKeys = true;
    writer.keepLineEnds();
  });
  window?.watch((size) => {
    // One that ends in this moment needs it no more.
    if (child.connected) child.send(size, () => undefined);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  const stop = () => void stopCommand(child, ended);
  writer.gone.addEventListener('abort', stop, { once: true });
  if (writer.gone.aborted) stop();
  pumpInput(channel, child.stdin, {
    gone: writer.gone,
    admit(chunk) {
      // A terminal that the client made raw sends its keys as they are.
      if (!takesKeys && chunk.includes(interrupt)) stop();
      else if (!takesKeys && chunk.includes(endOfInput)) child.stdin.end();
      return true;
    },
  });
  try {
    const said = [pumpOutput(child.stdout, writer.write), pumpOutput(child.stderr, writer.writeError)];
    const [code] = await Promise.all([ended, ...said]);
    return code;
  } finally {
    writer.gone.removeEventListener('abort', stop);
    end();
  }
}

async function stopCommand(child: ChildProcessWithoutNullStreams, ended: Promise<unknown>): Promise<void> {
  signalGroup(child, 'SIGTERM');
  const timer = new AbortController();
  const late = await Promise.race([
    ended.then(
      () => false,
      () => false,
    ),
    pause(graceMs, true, { signal: timer.signal }).catch(() => false), // Aborted: it has ended.
  ]);
  timer.abort();
  if (late) signalGroup(child, 'SIGKILL');
}
