import { connect, type Socket } from 'node:net';

/** Sends bytes as they are, for what no HTTP client would send, and gives all that is answered until the end. */
export function askRaw(
  port: number,
  bytes: string | Buffer,
  { limitMs = 5_000, then = (_socket: Socket) => undefined as unknown } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('close', () => resolve(answer));
    // A server that answers and closes on unread bytes resets the connection: what came before counts.
    socket.on('error', () => resolve(answer));
    socket.setTimeout(limitMs, () => socket.destroy());
    socket.write(bytes);
    then(socket);
  });
}
