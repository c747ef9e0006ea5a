import { buildLane } from '../src/pipeline.ts';
import type { Platform } from '../src/platform.ts';
import { startLaneWorker, type Worker } from './lane-worker.ts';

/** Builds: as many environments at once as `builders.concurrency` allows. */
export function startBuildWorker(platform: Platform, shutdown: AbortSignal): Promise<Worker> {
  return startLaneWorker(
    buildLane(platform.drivers),
    platform.config.builders.concurrency,
    platform,
    shutdown,
  );
}
