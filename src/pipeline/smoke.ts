import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { RolloutJob } from '../rollout/drivers.ts';
import { planContainers, type Wanted } from '../rollout/plan.ts';
import { askEdge } from '../route/edge.ts';
import { findPlace } from '../store/apps.ts';
import { listDomains } from '../store/routes.ts';
import type { PipelineDrivers } from './drivers.ts';

const tries = 5;
const pauseMs = 500;

/**
 * Asks the environment's first domain once through the load balancer, as a client would, before the release counts
 * as live. An answer below 500 is good; it is asked five times at most. Nothing is asked where nothing would answer:
 * without a `web` process, without a domain, in maintenance. Throws `smoke_failed`.
 */
export async function smokeProbe(
  { place, health, signal }: Pick<RolloutJob, 'place' | 'health' | 'signal'>,
  wanted: Wanted,
  { db, config }: PipelineDrivers,
): Promise<void> {
  const { id } = place.environment;
  const [domain] = await listDomains(db, id);
  const isServed = planContainers(wanted).some((container) => container.port !== null);
  const isClosed = (await findPlace(db, id))?.environment.maintenance != null;
  if (domain === undefined || !isServed || isClosed) return;
  const { listen } = config.loadBalancer;
  const question = { listen, domain, path: health.path, deadlineMs: health.timeoutMs, signal };
  let seen = '';
  for (let count = 1; count <= tries; count += 1) {
    if (count > 1) await pause(pauseMs, undefined, { signal });
    try {
      const { status, firstBytes } = await askEdge(question);
      if (status < 500) return;
      seen = `answered ${status} through the load balancer${firstBytes === '' ? '' : `: ${firstBytes}`}`;
    } catch (error) {
      signal.throwIfAborted();
      seen = `could not be asked through the load balancer: ${(error as Error).message}`;
    }
  }
  throw new Failure('smoke_failed', `${domain}${health.path} ${seen} (${tries} tries)`);
}
