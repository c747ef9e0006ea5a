import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

/** An HTTP agent whose connections are what `open` gives: kept alive and used again, a few of them idle. */
export function agentOver(open: () => Promise<Duplex>): Agent {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 8 });
  agent.createConnection = (_options, done) => {
    open().then(
      (socket) => done?.(null, socket),
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  };
  return agent;
}
