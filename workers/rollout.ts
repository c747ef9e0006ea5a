import { rolloutLane } from '../src/pipeline.ts';
import type { Platform } from '../src/platform.ts';
import { startLaneWorker, type Worker } from './lane-worker.ts';

// A rollout mostly waits for servers: many environments can do so at once.
const concurrency = 20;

export function startRolloutWorker(platform: Platform, shutdown: AbortSignal): Promise<Worker> {
  return startLaneWorker(rolloutLane(platform.drivers), concurrency, platform, shutdown);
}
