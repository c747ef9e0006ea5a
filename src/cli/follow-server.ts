import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { serverAddress } from './addresses.ts';
import type { ServerInfoAnswer } from './answers.ts';
import type { Client } from './client.ts';
import type { Session } from './session.ts';

const lookAgainMs = 500;

/** Follows a drain until nothing of ours is on the server; Ctrl-C ends the following, not the drain. */
export async function followDrain(session: Session, client: Client, name: string): Promise<void> {
  const { terminal } = session;
  const stop = session.interrupt();
  let last = '';
  using _ = terminal.progress?.(() => `draining ${name}`);
  while (!stop.aborted) {
    const { containers, reason } = await look(client, name);
    if (containers === null) {
      throw new Failure('server_unreachable', `${name} is out of reach: ${reason}`, {
        fix: `It is emptied when it is back; hawser servers:remove ${name} --force forgets it.`,
      });
    }
    if (containers.length === 0) return terminal.say(`${name} is drained: nothing of ours runs there.`);
    const line = `${containers.length} left: ${containers.map((one) => one.name).join(', ')}`;
    if (line !== last) terminal.say(line);
    last = line;
    // Ends early at Ctrl-C, which the loop then sees.
    await pause(lookAgainMs, undefined, { signal: stop }).catch(() => undefined);
  }
}

function look(client: Client, name: string): Promise<ServerInfoAnswer> {
  return client.ask<ServerInfoAnswer>(serverAddress(name));
}
