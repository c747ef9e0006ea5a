import { setTimeout as pause } from 'node:timers/promises';
import { readServers } from '../src/pipeline/environment.ts';
import { removeOldPreviews } from '../src/pipeline/preview.ts';
import { pruneBuilder, pruneServer } from '../src/pipeline/prune.ts';
import { findDrift } from '../src/pipeline/reconcile.ts';
import { sweepDestroyed, sweepOld } from '../src/pipeline/sweep.ts';
import type { Platform } from '../src/platform.ts';
import type { Worker } from './lane-worker.ts';

const chores = [
  { name: 'routes', everyMs: 10_000, perform: applyTable },
  { name: 'drift', everyMs: 10_000, perform: mendDrift },
  { name: 'previews', everyMs: 60_000, perform: removeStale },
  { name: 'destroyed', everyMs: 10_000, perform: removeDestroyed },
  { name: 'prune', everyMs: 3_600_000, perform: pruneAll },
  { name: 'sweep', everyMs: 3_600_000, perform: sweepAll },
] as const;

/** What keeps an installation true by itself, each chore on its own clock, at once and then again and again. */
export async function startUpkeepWorker(platform: Platform, shutdown: AbortSignal): Promise<Worker> {
  const running = chores.map((chore) => repeat(chore, platform, shutdown));
  return { close: async () => void (await Promise.all(running)) };
}

async function repeat(
  chore: (typeof chores)[number],
  platform: Platform,
  shutdown: AbortSignal,
): Promise<void> {
  while (!shutdown.aborted) {
    try {
      await chore.perform(platform, shutdown);
    } catch (error) {
      if (shutdown.aborted) return;
      platform.log.warn(
        { chore: chore.name, error: (error as Error).message },
        'a chore failed, it is tried again',
      );
    }
    // Ends early at a shutdown, which the loop then sees.
    await pause(chore.everyMs, undefined, { signal: shutdown }).catch(() => {});
  }
}

async function applyTable({ drivers }: Platform, signal: AbortSignal): Promise<void> {
  await drivers.rollout.applyRoutes(signal);
}

async function mendDrift({ drivers, log }: Platform, signal: AbortSignal): Promise<void> {
  for (const server of await findDrift(drivers, signal)) {
    if (!server.reachable)
      log.warn({ server: server.server, reason: server.reason }, 'a server is out of reach');
  }
}

async function removeStale({ drivers }: Platform): Promise<void> {
  await removeOldPreviews(drivers, Date.now());
}

async function removeDestroyed({ drivers }: Platform): Promise<void> {
  await sweepDestroyed(drivers);
}

/** A server that is out of reach must not keep the others from being pruned. */
async function pruneAll({ drivers, log }: Platform, signal: AbortSignal): Promise<void> {
  for (const server of Object.keys(await readServers(drivers))) {
    try {
      await pruneServer(server, drivers, { planOnly: false, signal });
    } catch (error) {
      log.warn({ server, error: (error as Error).message }, 'a server could not be pruned');
    }
  }
  await pruneBuilder(drivers, { planOnly: false, signal });
}

async function sweepAll({ drivers }: Platform): Promise<void> {
  await sweepOld(drivers);
}
