import { once } from 'node:events';
import { Client, type PseudoTtyOptions } from 'ssh2';
import type { SshWorld } from './ssh-world.ts';

/** A command on a terminal over SSH, with what it showed so far. */
export type OnTerminal = {
  said(): string;
  write(keys: string): void;
  resize(rows: number, columns: number): void;
  readonly ended: Promise<number | null>;
};

/** Starts commands over one connection, each on a terminal of this size and kind; the connection goes with `after`. */
export async function openTerminals(
  t: { after(end: () => void): void },
  { port, privateKey }: Pick<SshWorld, 'port' | 'privateKey'>,
  key: string,
  pty: PseudoTtyOptions,
): Promise<(command: string) => Promise<OnTerminal>> {
  const client = new Client();
  t.after(() => client.destroy());
  client.connect({ host: '127.0.0.1', port, username: 'git', privateKey: privateKey(key) });
  await once(client, 'ready');
  return async (command) => {
    const { promise, resolve, reject } = Promise.withResolvers<OnTerminal>();
    client.exec(command, { pty }, (error, channel) => {
      if (error) return reject(error);
      let text = '';
      let code: number | null = null;
      channel.on('data', (chunk: Buffer) => (text += chunk));
      channel.stderr.on('data', (chunk: Buffer) => (text += chunk));
      channel.on('exit', (exit: number | null) => (code = exit));
      resolve({
        said: () => text,
        write: (keys) => void channel.write(keys),
        resize: (rows, columns) => channel.setWindow(rows, columns, 0, 0),
        ended: once(channel, 'close').then(() => code),
      });
    });
    return promise;
  };
}
