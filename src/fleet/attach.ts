import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { TerminalSize } from '../model/run.ts';
import { askEngine } from './ask.ts';
import { toFailure } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { type Frame, readFrames } from './log-frames.ts';

/** The streams of a command, as somebody holds them who is there. */
export type Attached = {
  readonly connection: ServerConnection;
  /** For messages: "attach to shop-production-v3-web-1". */
  readonly what: string;
  readonly stream: Duplex;
  readonly terminal: boolean;
  /** Tells its terminal how large the window is. */
  resize(size: TerminalSize): Promise<unknown>;
};

const resizeTries = 10;
const resizePauseMs = 100;

/**
 * The stdin of a container that was created with one, before it is started; its end is the end of the container's
 * input, and so is the loss of the connection.
 */
export async function attachInput(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const input = await openStream(connection, name, { stdout: false, stderr: false, signal });
  input.resume();
  return input;
}

/** The terminal of a container that was created with one, before it is started. */
export async function attachTerminal(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<Attached> {
  const stream = await openStream(connection, name, { stdout: true, stderr: true, signal });
  const container = connection.docker.getContainer(name);
  return {
    ...{ connection, stream, what: `attach to ${name}`, terminal: true },
    resize: ({ rows, columns }) => container.resize({ h: rows, w: columns }),
  };
}

async function openStream(
  connection: ServerConnection,
  name: string,
  { signal, ...which }: { readonly stdout: boolean; readonly stderr: boolean; readonly signal: AbortSignal },
): Promise<Duplex> {
  const options = { stream: true, hijack: true, stdin: true, ...which };
  const stream = await askEngine({ connection, what: `attach to ${name}`, signal }, () =>
    connection.docker.getContainer(name).attach(options),
  );
  return withoutErrors(stream as Duplex);
}

/** A command that ended early reads no more; what is left of its input is nobody's. */
export function withoutErrors(stream: Duplex): Duplex {
  return stream.on('error', () => undefined);
}

/** All that the command writes, until it ends or the signal aborts; rejects when the connection is lost. */
export async function* readAttached(
  { connection, stream, terminal, what }: Attached,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  const { closed, server } = connection;
  const ended = AbortSignal.any([signal, closed]);
  const cut = () => void stream.destroy();
  ended.addEventListener('abort', cut, { once: true });
  try {
    if (terminal) {
      for await (const data of stream) yield { stream: 'stdout', data: data as Buffer };
    } else yield* readFrames(stream);
  } catch (error) {
    if (signal.aborted) return;
    throw closed.aborted ? closed.reason : toFailure(error, `${what} on ${server.name}`);
  } finally {
    ended.removeEventListener('abort', cut);
    stream.destroy();
  }
}

/** The first size of a terminal: the engine refuses it until the command has begun. A wrong size stops nothing. */
export async function resizeSoon({ resize }: Attached, size: TerminalSize): Promise<void> {
  for (let left = resizeTries; left > 0; left -= 1) {
    try {
      await resize(size);
      return;
    } catch {
      await pause(resizePauseMs);
    }
  }
}
