import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { Failure } from '../failure.ts';
import type { SshServer } from '../model/server.ts';
import { ChannelSocket } from './channel-socket.ts';
import type { Slots } from './slots.ts';
import { describe, forwardingRefused } from './ssh-failures.ts';

export type ChannelCallback = (error: Error | undefined, channel: Duplex) => void;

type Opening = {
  readonly server: SshServer;
  /** What is at the far end, for messages. */
  readonly what: string;
  readonly ask: (done: ChannelCallback) => void;
  readonly slots: Slots;
  readonly closed: AbortSignal;
  readonly signal: AbortSignal | undefined;
};

// Reason codes of SSH_MSG_CHANNEL_OPEN_FAILURE, RFC 4254 section 5.1.
const prohibited = 1;
const openMs = 10_000;

/** Opens a channel when a slot is free; it gives the slot back when it closes. */
export async function openChannel(opening: Opening): Promise<Duplex> {
  const { slots, closed, signal } = opening;
  const bounds = [closed, AbortSignal.timeout(openMs), ...(signal ? [signal] : [])];
  const bounded = AbortSignal.any(bounds);
  const release = await slots.take(bounded);
  try {
    const socket = await askForChannel(opening, bounded);
    socket.once('close', release);
    return socket;
  } catch (error) {
    release();
    throw toChannelFailure(opening, error);
  }
}

async function askForChannel(opening: Opening, bounded: AbortSignal): Promise<ChannelSocket> {
  bounded.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ChannelSocket>();
  const giveUp = () => reject(bounded.reason);
  bounded.addEventListener('abort', giveUp, { once: true });
  opening.ask((error, channel) => {
    if (error) return reject(error);
    const socket = new ChannelSocket(channel);
    if (bounded.aborted) socket.destroy();
    resolve(socket);
  });
  try {
    return await promise;
  } finally {
    bounded.removeEventListener('abort', giveUp);
  }
}

function toChannelFailure(opening: Opening, error: unknown): unknown {
  const { server, what, closed, signal } = opening;
  if (signal?.aborted) return signal.reason;
  if (closed.aborted) return closed.reason;
  if (error instanceof Failure) return error;
  if ((error as { reason?: unknown }).reason === prohibited) return forwardingRefused(server, what, error);
  const why = (error as Error).name === 'TimeoutError' ? 'no answer within 10 s' : (error as Error).message;
  return new Failure('channel_refused', `${describe(server)}: cannot reach ${what} from there: ${why}`, {
    cause: error,
  });
}

/** Joins a channel that the server opened with our end of a reverse forward; either end's death ends both. */
export function pipeToTarget(channel: Duplex, target: { host: string; port: number }): void {
  const socket = connect({ ...target, noDelay: true });
  socket.on('error', (error) => channel.destroy(error));
  socket.on('close', () => channel.destroy());
  channel.on('error', () => socket.destroy());
  channel.on('close', () => socket.destroy());
  socket.pipe(channel);
  channel.pipe(socket);
}
