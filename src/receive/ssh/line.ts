import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Watches one connection from below: the protocol's windows are the client's to set, and only the socket tells what
 * it has really taken.
 */
export type Line = {
  /** Resolves when little enough of what was given is still on its way, or the connection is gone. */
  untilSent(bytes: number): Promise<void>;
  /** What a client may send beyond its window is counted here. */
  watch(channel: Readable): void;
  whenClosed(act: () => void): void;
};

const mostWaiting = 4 * 1024 * 1024;
// Answers to requests that nobody reads; output waits at the bound above.
const mostUnread = 8 * 1024 * 1024;
// The window of a channel is 2 MiB, and it is opened anew when half of it is taken.
const mostUntaken = 6 * 1024 * 1024;
const lookAgainMs = 20;

export function watchLine(socket: Socket): Line {
  let given = 0;
  let base = socket.bytesWritten;
  const channels = new Set<Readable>();
  socket.setMaxListeners(0);
  socket.on('data', () => {
    const untaken = [...channels].some((channel) => channel.readableLength > mostUntaken);
    if (untaken || socket.writableLength > mostUnread) socket.destroy();
  });
  const countWaiting = () => {
    const sent = socket.bytesWritten - socket.writableLength - base;
    // What the protocol adds must not become credit.
    if (sent > given) base += sent - given;
    return given - Math.min(sent, given);
  };
  return {
    async untilSent(bytes) {
      given += bytes;
      while (!socket.destroyed && countWaiting() > mostWaiting) await pause(lookAgainMs);
    },
    watch(channel) {
      channels.add(channel);
      channel.once('close', () => channels.delete(channel));
    },
    whenClosed(act) {
      if (socket.destroyed) act();
      else socket.once('close', act);
    },
  };
}
