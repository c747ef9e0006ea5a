import { type LaneWork, runLane } from '../src/pipeline/lane.ts';
import type { Platform } from '../src/platform.ts';
import { openTurnTaker } from '../src/queue/queue.ts';
import { listEnvironmentsWithWork } from '../src/store/deploys.ts';

export type Worker = { close(): Promise<void> };

const closeLimitMs = 20_000;

/** Takes keys of one lane from the queue and advances their environments, `concurrency` at a time. */
export async function startLaneWorker(
  work: LaneWork,
  concurrency: number,
  platform: Platform,
  shutdown: AbortSignal,
): Promise<Worker> {
  const { drivers, redis, log } = platform;
  const running = new Set<Promise<void>>();
  const advance = async (environmentId: string) => {
    const turn = runLane(work, environmentId, drivers, shutdown).catch((error) => {
      log.error({ lane: work.lane, environmentId, stack: error.stack }, 'a turn ended in an error');
    });
    running.add(turn);
    await turn;
    running.delete(turn);
  };
  void resume(concurrency, await listEnvironmentsWithWork(drivers.db), advance);
  const taker = await openTurnTaker(redis, work.lane, { concurrency, log, advance });
  return {
    async close() {
      await Promise.race([
        Promise.all(running),
        new Promise((resolve) => setTimeout(resolve, closeLimitMs).unref()),
      ]);
      await taker.close();
    },
  };
}

/**
 * What a killed worker left is gone on with at once: the queue would give it out again only when it is sure
 * that its holder is gone. The lane's lease keeps two from doing the same.
 */
async function resume(
  concurrency: number,
  environmentIds: readonly string[],
  advance: (environmentId: string) => Promise<void>,
): Promise<void> {
  const waiting = [...environmentIds];
  const takeAll = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await advance(next);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, takeAll));
}
