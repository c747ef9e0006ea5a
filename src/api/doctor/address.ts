import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerConnection } from '../../fleet/fleet.ts';
import { observeServer } from '../../fleet/observe.ts';
import { type Finding, failed, ok } from './finding.ts';

const connectMs = 3_000;
// Where containers are published begins at 20000; the port before it is nobody's.
const unusedPort = 19_999;

/**
 * The load balancer, which is on this machine, must reach what is published there. A container that runs is asked for;
 * without one the address must be one of the server's own, and answer, if only with a refusal.
 */
export async function examineAddress(connection: ServerConnection, signal: AbortSignal): Promise<Finding> {
  const { server } = connection;
  const { address } = server;
  const check = `${server.name}: address`;
  const seen = await observeServer(connection, {}, signal);
  const published = seen.reachable
    ? seen.containers.find((container) => container.state === 'running' && container.address !== null)
    : undefined;
  const own = await listOwnAddresses(connection, signal);
  if (own !== null && !own.includes(address) && published === undefined) {
    return failed(
      check,
      `${address} is not an address of ${server.name}, which has ${own.join(', ')}`,
      'Say which one the load balancer is to use: --address, or "address" in deploy.config.json.',
    );
  }
  const place = published?.address ?? `${address}:${unusedPort}`;
  const answer = await knock(place, signal);
  const well = answer === 'open' || (published === undefined && answer === 'ECONNREFUSED');
  if (well) return ok(check, published ? `${published.name} answers at ${place}` : `${address} answers`);
  return failed(
    check,
    `${published?.name ?? address} cannot be reached at ${place} from here (${answer})`,
    'Set "address" of the server to one that this machine reaches, and open ports 20000 to 31999 there for it.',
  );
}

/** IP addresses of a server's network cards; null when it does not tell. */
async function listOwnAddresses(
  { run }: ServerConnection,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  if (run === null) return null;
  const { code, stdout } = await run(['ip', '-o', 'addr', 'show'], signal);
  if (code !== 0) return null;
  return parseAddresses(stdout);
}

/** The addresses in what `ip -o addr show` prints, those of bridges left out. Pure. */
export function parseAddresses(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\d+:\s+(\S+)\s+inet6?\s+([0-9a-f.:]+)\//.exec(line);
    return found?.[2] === undefined || /^(?:docker|br-|lo$)/.test(found[1] ?? '') ? [] : [found[2]];
  });
}

async function knock(place: string, signal: AbortSignal): Promise<string> {
  const cut = place.lastIndexOf(':');
  const host = place.slice(0, cut).replace(/^\[|\]$/g, '');
  const socket = connect({ host, port: Number(place.slice(cut + 1)) });
  const answered = new Promise<string>((resolve) => {
    socket.once('connect', () => resolve('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  try {
    return await Promise.race([answered, pause(connectMs, 'no answer', { signal })]);
  } finally {
    socket.destroy();
  }
}
