import type { RolloutConfig } from '../config.ts';

/**
 * The servers in the order and groups in which they are switched: all at once, or first one and then
 * `batch` of all servers at a time, a share being rounded up.
 */
export function planBatches(
  servers: readonly string[],
  total: number,
  strategy: Pick<RolloutConfig, 'strategy' | 'batch'>,
): readonly (readonly string[])[] {
  if (servers.length === 0) return [];
  if (strategy.strategy === 'all-at-once') return [servers];
  const { batch } = strategy;
  const size = Math.max(1, 'count' in batch ? batch.count : Math.ceil((total * batch.percent) / 100));
  const batches = [servers.slice(0, 1)];
  for (let from = 1; from < servers.length; from += size) batches.push(servers.slice(from, from + size));
  return batches;
}
