import type { Batch, RolloutConfig } from '../config.ts';
import type { RolloutProgress } from '../model/deploy.ts';

/**
 * The servers in the order and groups in which they are switched: `first` of them and then `batch` of all servers at
 * a time, a share being rounded up; all at once with every strategy but `rolling`.
 */
export function planBatches(
  servers: readonly string[],
  total: number,
  strategy: Pick<RolloutConfig, 'strategy' | 'first' | 'batch'>,
): readonly (readonly string[])[] {
  if (servers.length === 0) return [];
  if (strategy.strategy !== 'rolling') return [servers];
  const first = sizeOf(strategy.first, total);
  const size = sizeOf(strategy.batch, total);
  const batches = [servers.slice(0, first)];
  for (let from = first; from < servers.length; from += size) batches.push(servers.slice(from, from + size));
  return batches;
}

/** The shares of a canary that are still to be taken: it never goes back to a smaller one. */
export function planRemainingShares(
  steps: readonly number[],
  progress: RolloutProgress | null,
): readonly number[] {
  const share = progress?.share ?? 0;
  return steps.filter((percent) => percent > share || (percent === share && !progress?.isOver));
}

function sizeOf(batch: Batch, total: number): number {
  return Math.max(1, 'count' in batch ? batch.count : Math.ceil((total * batch.percent) / 100));
}
