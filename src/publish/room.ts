import { Failure } from '../failure.ts';
import type { ServerConnection } from '../fleet/fleet.ts';
import { formatBytes } from './bytes.ts';

/**
 * Refuses to bring an image to a server whose engine has less than `floor` bytes of disk free; one that does not
 * tell is taken to have room. Throws `server_disk_low`.
 */
export async function requireRoom(
  { server, diskSpace }: Pick<ServerConnection, 'server' | 'diskSpace'>,
  floor: number,
  signal: AbortSignal,
): Promise<void> {
  const space = await diskSpace(signal);
  if (space === null || space.freeBytes >= floor) return;
  const free = formatBytes(space.freeBytes);
  throw diskLow(
    server.name,
    `it has ${free} of disk free; ${formatBytes(floor)} are needed (limits.diskFloor)`,
  );
}

/** The same for a disk that became full meanwhile. */
export function diskLow(server: string, why: string, cause?: unknown): Failure {
  return new Failure('server_disk_low', `${server}: ${why}`, {
    fix: `hawser disk:prune -s ${server}, or free disk there; then hawser deploys:retry ID.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
