import type { Batch, RolloutConfig } from '../config.ts';

/**
 * The servers in the order and groups in which they are switched: all at once, or `first` of them and then
 * `batch` of all servers at a time, a share being rounded up.
 */
export function planBatches(
  servers: readonly string[],
  total: number,
  strategy: Pick<RolloutConfig, 'strategy' | 'first' | 'batch'>,
): readonly (readonly string[])[] {
  if (servers.length === 0) return [];
  if (strategy.strategy === 'all-at-once') return [servers];
  const first = sizeOf(strategy.first, total);
  const size = sizeOf(strategy.batch, total);
  const batches = [servers.slice(0, first)];
  for (let from = first; from < servers.length; from += size) batches.push(servers.slice(from, from + size));
  return batches;
}

function sizeOf(batch: Batch, total: number): number {
  return Math.max(1, 'count' in batch ? batch.count : Math.ceil((total * batch.percent) / 100));
}
