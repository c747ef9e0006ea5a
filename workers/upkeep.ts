import { setTimeout as pause } from 'node:timers/promises';
import { findDrift } from '../src/pipeline/converge/reconcile.ts';
import { sweepChecks } from '../src/pipeline/lanes/check-sweep.ts';
import { removeOldPreviews } from '../src/pipeline/previews/preview.ts';
import { pruneAll } from '../src/pipeline/prune/prune-all.ts';
import { sweepDestroyed, sweepOld } from '../src/pipeline/prune/sweep.ts';
import { removeStrayRuns, settleRuns } from '../src/pipeline/runs/run-end.ts';
import type { Platform } from '../src/platform.ts';
import { noteReached } from '../src/store/notices.ts';
import { readTellParts } from '../src/webhooks/deliver.ts';
import { openTeller, type Teller } from '../src/webhooks/tell.ts';
import type { Worker } from './lane-worker.ts';

type Chore = {
  readonly name: string;
  readonly everyMs: number;
  perform(platform: Platform, signal: AbortSignal): Promise<void>;
};

const hourMs = 3_600_000;

const chores: readonly Chore[] = [
  { name: 'routes', everyMs: 10_000, perform: applyTable },
  { name: 'drift', everyMs: 5_000, perform: mendDrift },
  { name: 'runs', everyMs: 2_000, perform: settleAll },
  { name: 'previews', everyMs: 60_000, perform: removeStale },
  { name: 'destroyed', everyMs: 10_000, perform: removeDestroyed },
  { name: 'sweep', everyMs: hourMs, perform: sweepAll },
];

/** What keeps an installation true by itself, each chore on its own clock, at once and then again and again. */
export async function startUpkeepWorker(platform: Platform, shutdown: AbortSignal): Promise<Worker> {
  const prune = { name: 'prune', everyMs: hourMs, perform: pruneAgain() };
  const tell = { name: 'notifications', everyMs: 2_000, perform: tellAgain() };
  const running = [...chores, prune, tell].map((chore) => repeat(chore, platform, shutdown));
  return { close: async () => void (await Promise.all(running)) };
}

async function repeat(chore: Chore, platform: Platform, shutdown: AbortSignal): Promise<void> {
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
  const world = await findDrift(drivers, signal);
  for (const server of world) {
    await noteReached(drivers.db, server.server, server.reachable);
    if (!server.reachable)
      log.warn({ server: server.server, reason: server.reason }, 'a server is out of reach');
  }
  await removeStrayRuns(world, drivers, signal);
}

async function settleAll({ drivers }: Platform, signal: AbortSignal): Promise<void> {
  await settleRuns(drivers, signal);
}

async function removeStale({ drivers }: Platform): Promise<void> {
  await removeOldPreviews(drivers, Date.now());
}

/** What ended is swept before its environment is forgotten. */
async function removeDestroyed({ drivers }: Platform, signal: AbortSignal): Promise<void> {
  await sweepChecks(drivers, signal);
  await sweepDestroyed(drivers);
}

/** Prunes everywhere; what could not be done is said once, not every hour. */
function pruneAgain(): (platform: Platform, signal: AbortSignal) => Promise<void> {
  let said: readonly string[] = [];
  return async ({ drivers, log }, signal) => {
    const pruned = await pruneAll(null, drivers, { planOnly: false, urgent: false, signal });
    for (const { place, removed, bytes } of pruned) {
      if (removed.length > 0) log.info({ place, removed, bytes }, 'pruned');
    }
    const notes = pruned.flatMap(({ place, note }) => (note === null ? [] : [`${place}: ${note}`]));
    for (const note of notes.filter((one) => !said.includes(one)))
      log.warn({ note }, 'not all could be pruned');
    said = notes;
  };
}

/** What a receiver is being told goes on beside the next rounds. */
function tellAgain(): Chore['perform'] {
  let teller: Teller | undefined;
  return async ({ drivers, config, log }, signal) => {
    const onError = (error: unknown) =>
      log.warn({ error: (error as Error).message }, 'a notification was not sent, it is tried again');
    teller ??= openTeller(readTellParts(config, drivers.db), signal, onError);
    await teller.tell();
  };
}

async function sweepAll({ drivers }: Platform): Promise<void> {
  await sweepOld(drivers);
}
