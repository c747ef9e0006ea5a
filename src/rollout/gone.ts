import type { ObservedServer } from '../model/container.ts';
import type { ContainerRow } from '../store/routes.ts';
import { planContainers, type Wanted } from './plan.ts';

/**
 * Containers that the ledger knows, nothing wants and their server, which answers, does not have: one was removed
 * and its remover killed before it could record that.
 */
export function listGone(
  wanted: Wanted,
  rows: readonly ContainerRow[],
  servers: readonly ObservedServer[],
): readonly ContainerRow[] {
  const needed = planContainers(wanted, { servers, routed: [], recorded: rows });
  return rows.filter((row) => {
    const same = (one: { server: string; name: string }) =>
      one.server === row.server && one.name === row.name;
    const server = servers.find((seen) => seen.server === row.server);
    return server?.reachable && !needed.some(same) && !server.containers.some(same);
  });
}
