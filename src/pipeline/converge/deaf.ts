import { Failure } from '../../failure.ts';
import type { ContainerInspect } from '../../fleet/docker.ts';
import type { RolloutDrivers } from '../../rollout/drivers.ts';

/** Routed containers that refuse connections, by name, each with for how long already, ms. */
export type Down = ReadonlyMap<string, number>;

// Longer than an app takes that is started anew by its engine.
const patienceMs = 15_000;

/** What the load balancer finds down; while it is started anew it knows of nothing. */
export async function readDown({ listDown }: Pick<RolloutDrivers, 'listDown'>): Promise<Down> {
  try {
    return await listDown();
  } catch (error) {
    if (error instanceof Failure && error.code === 'load_balancer_lost') return new Map();
    throw error;
  }
}

/**
 * True when a container ran for 15 s and refused connections all the time: an engine that was killed may start one
 * without its network and call it running ever after. `now` is in ms since 1970. Pure.
 */
export function isDeaf({ State }: ContainerInspect, downMs: number, now: number): boolean {
  const ranMs = now - Date.parse(State.StartedAt);
  return State.Running && Math.min(ranMs, downMs) >= patienceMs;
}
