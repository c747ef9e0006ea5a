import type { ServerConnection } from '../../fleet/fleet.ts';
import type { ApiDesk } from '../desk.ts';
import { examineEngine } from './engine.ts';
import { type Finding, look, ok } from './finding.ts';

const deadlineMs = 20_000;

/**
 * Every step from here to a server's containers, in order; what a failed step makes impossible is left out. Throws
 * `server_unknown`.
 */
export async function examineServer(
  desk: ApiDesk,
  name: string,
  asked: AbortSignal,
): Promise<readonly Finding[]> {
  const signal = AbortSignal.any([asked, AbortSignal.timeout(deadlineMs)]);
  const server = await desk.fleet.getServer(name);
  const reach = server.kind === 'ssh' ? `${name}: ssh` : `${name}: local`;
  let connection: ServerConnection | undefined;
  const first = await look(reach, async () => {
    connection = await desk.fleet.connect(name, signal);
    return ok(reach, server.kind === 'ssh' ? `${server.user}@${server.host}:${server.port}` : 'this machine');
  });
  if (connection === undefined) return [first];
  return [first, ...(await examineEngine(connection, desk.config.limits.diskFloor, signal))];
}
