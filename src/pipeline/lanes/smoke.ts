import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import type { RolloutJob } from '../../rollout/drivers.ts';
import { planContainers, type Wanted } from '../../rollout/plan.ts';
import { askEdge, type EdgeQuestion } from '../../route/edge.ts';
import { findPlace } from '../../store/apps.ts';
import { listDomains } from '../../store/routes.ts';
import type { PipelineDrivers } from '../drivers.ts';

const badAnswers = 5;
const pauseMs = 500;
// A load balancer that is being started anew is back long before.
const silenceMs = 20_000;

/**
 * Asks the environment's first domain through the load balancer, as a client would, before the release counts as live.
 * One answer below 500 is enough; it fails at the fifth other one, or when there was none for 20 s. Nothing is asked
 * where nothing would answer: without a `web` process, without a domain, in maintenance. Throws `smoke_failed`.
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
  const end = performance.now() + silenceMs;
  for (let bad = 0; ; ) {
    const answer = await findAnswer(question);
    if (answer.status !== null && answer.status < 500) return;
    if (answer.status !== null) bad += 1;
    if (bad === badAnswers || performance.now() > end) throw new Failure('smoke_failed', answer.said);
    await pause(pauseMs, undefined, { signal });
  }
}

/** The status, null when there was no answer, and what to say of it when it was the last one. */
async function findAnswer(question: EdgeQuestion): Promise<{ status: number | null; said: string }> {
  const { domain, path, signal } = question;
  try {
    const { status, firstBytes } = await askEdge(question);
    const words = firstBytes === '' ? '' : `: ${firstBytes}`;
    return { status, said: `${domain}${path} answers ${status} through the load balancer${words}` };
  } catch (error) {
    signal.throwIfAborted();
    return { status: null, said: `Through the load balancer ${(error as Error).message}` };
  }
}
