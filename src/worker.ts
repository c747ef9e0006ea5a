import { startBuildWorker } from '../workers/build.ts';
import { startRolloutWorker } from '../workers/rollout.ts';
import { startUpkeepWorker } from '../workers/upkeep.ts';
import type { Config } from './config.ts';
import { Failure } from './failure.ts';
import { openPlatform } from './platform.ts';
import { untilAborted, watchShutdown } from './supervise/shutdown.ts';
import { giveSignsOfLife } from './supervise/sign-of-life.ts';

export const workerRoles = ['build', 'rollout', 'upkeep'] as const;
export type WorkerRole = (typeof workerRoles)[number];

const starters = { build: startBuildWorker, rollout: startRolloutWorker, upkeep: startUpkeepWorker };

/** Works until it is asked to end; what it was at stays in the ledger and is gone on with by the next one. */
export async function runWorker(config: Config, roles: readonly WorkerRole[]): Promise<void> {
  using _signs = giveSignsOfLife();
  const shutdown = watchShutdown(new Failure('shutting_down', 'Hawser is being stopped.'));
  await using platform = await openPlatform(config, `worker ${roles.join('+')}`);
  const running = await Promise.all(roles.map((role) => starters[role](platform, shutdown)));
  platform.log.info({ roles }, 'working');
  await untilAborted(shutdown);
  await Promise.all(running.map((worker) => worker.close()));
}
