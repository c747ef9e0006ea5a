import type { Duplex } from 'node:stream';
import { askEngine } from './ask.ts';
import type { ServerConnection } from './fleet.ts';

/**
 * The stdin of a container that was created with one, before it is started; its end is the end of the container's
 * input, and so is the loss of the connection.
 */
export async function attachInput(
  connection: ServerConnection,
  name: string,
  signal: AbortSignal,
): Promise<Duplex> {
  const options = { stream: true, hijack: true, stdin: true, stdout: false, stderr: false };
  const stream = await askEngine({ connection, what: `attach to ${name}`, signal }, () =>
    connection.docker.getContainer(name).attach(options),
  );
  const input = stream as Duplex;
  // A command that ended early reads no more; what is left of its input is nobody's.
  input.on('error', () => undefined);
  input.resume();
  return input;
}
