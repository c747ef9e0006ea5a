import type { Duplex, Readable } from 'node:stream';

/** A channel on which a program runs. */
export type ExecChannel = Duplex & { readonly stderr: Readable };

/** How a program ended on a server, and the beginning of what it wrote. */
export type ProgramEnd = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

// Nobody needs more of an answer; a server must not fill our memory.
const maxAnswer = 64 * 1024;

/** The end of the program that runs on a channel; its code is null when it was killed or nothing could be run. */
export async function awaitProgram(channel: ExecChannel, closed: AbortSignal): Promise<ProgramEnd> {
  const [stdout, stderr] = [collect(channel), collect(channel.stderr)];
  let code: number | null = null;
  channel.once('exit', (exit: number | null) => {
    code = exit;
  });
  await asked<void>(closed, (done) => channel.once('close', () => done(undefined, undefined)));
  return { code, stdout: stdout(), stderr: stderr() };
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => {
    if (text.length < maxAnswer) text += part;
  });
  return () => text;
}

/** A callback's answer, or the reason why the connection closed before it came. */
export async function asked<T>(
  closed: AbortSignal,
  ask: (done: (error: Error | undefined, value: T) => void) => void,
): Promise<T> {
  closed.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = () => reject(closed.reason);
  closed.addEventListener('abort', giveUp, { once: true });
  ask((error, value) => (error ? reject(error) : resolve(value)));
  try {
    return await promise;
  } finally {
    closed.removeEventListener('abort', giveUp);
  }
}
