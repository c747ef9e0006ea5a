import { type LaneWork, runLane } from '../src/pipeline/lanes/lane.ts';
import { reconcile } from '../src/pipeline.ts';
import type { Platform } from '../src/platform.ts';
import { openTurnTaker } from '../src/queue/queue.ts';
import type { Lane } from '../src/queue/turn.ts';
import { listEnvironmentsWithWork } from '../src/store/deploys.ts';

export type Worker = { close(): Promise<void> };

const closeLimitMs = 20_000;
const reconcileMs = 5_000;

/**
 * Takes keys of one lane from the queue and advances their environments, `concurrency` at a time. What a killed
 * worker left is gone on with at once: the queue would give it out only when it is sure that its holder is gone.
 */
export async function startLaneWorker(
  work: LaneWork,
  concurrency: number,
  platform: Platform,
  shutdown: AbortSignal,
): Promise<Worker> {
  const { drivers, redis, log } = platform;
  const running = new Set<Promise<void>>();
  const advance = async (environmentId: string) => {
    while (running.size >= concurrency) await Promise.race(running);
    const turn = runLane(work, environmentId, drivers, shutdown).catch((error) => {
      log.error({ lane: work.lane, environmentId, stack: error.stack }, 'a turn ended in an error');
    });
    running.add(turn);
    await turn;
    running.delete(turn);
  };
  for (const environmentId of await listEnvironmentsWithWork(drivers.db)) void advance(environmentId);
  const taker = await openTurnTaker(redis, work.lane, { concurrency, log, advance });
  const again = setInterval(() => void touchAll(work.lane, platform), reconcileMs);
  return {
    async close() {
      clearInterval(again);
      await Promise.race([
        Promise.all(running),
        new Promise((resolve) => setTimeout(resolve, closeLimitMs).unref()),
      ]);
      await taker.close();
    },
  };
}

/** A queue that was emptied, or a lane that was not free when its turn came, costs some seconds and nothing else. */
async function touchAll(lane: Lane, { drivers, log }: Platform): Promise<void> {
  try {
    await reconcile(drivers, [lane]);
  } catch (error) {
    log.warn(
      { lane, error: (error as Error).message },
      'the ledger was not looked through, it is tried again',
    );
  }
}
