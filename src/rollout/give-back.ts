import type { Release } from '../model/release.ts';
import type { Outlook } from './perform.ts';
import { planContainers, type Switch, type Wanted, type World } from './plan.ts';
import { planSwitches } from './switches.ts';

/**
 * The one switch back to a release that was kept beside the live one; null when not all of it runs, or when it
 * serves already. What follows brings the same image and config under their new number.
 */
export function planGiveBack(
  wanted: Wanted,
  kept: Release,
  world: Pick<Outlook, 'world'> & Pick<World, 'routed'>,
): Switch | null {
  const strategy = { ...wanted.strategy, strategy: 'all-at-once' as const };
  const before: Wanted = { ...wanted, release: kept, strategy, progress: null };
  const seen = { servers: world.world, routed: world.routed };
  const web = planContainers(before, seen).filter((container) => container.port !== null);
  const found = world.world.flatMap((server) => (server.reachable ? server.containers : []));
  const runs = (container: { name: string; server: string }) =>
    found.some(
      ({ name, server, state }) =>
        name === container.name && server === container.server && state === 'running',
    );
  if (web.length === 0 || !web.every(runs)) return null;
  const [step = null] = planSwitches(before, web, seen);
  return step;
}
