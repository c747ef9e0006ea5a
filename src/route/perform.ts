import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Database } from '../store/database.ts';
import { claimLease, releaseLease, renewLease } from '../store/leases.ts';
import { readRoutes } from '../store/routes.ts';
import type { LoadBalancer } from './load-balancer.ts';
import type { Table } from './table.ts';

const leaseKey = 'load-balancer';
// Longer than whoever applies the whole table waits for a backend that does not come up.
const waitLimitMs = 60_000;

/** Whether the clients of an environment come back to the same container. */
export type IsSticky = (env: string) => boolean;

/** The whole routing table, as the ledger wants it. */
export async function readTable(db: Database, isSticky: IsSticky): Promise<Table> {
  const environments = await readRoutes(db);
  return {
    services: environments.map(({ slot, app, env, domains, backends, maintenance, holding }) => ({
      slot,
      app,
      env,
      domains,
      sticky: isSticky(env),
      maintenance,
      holding,
      backends: backends.map(({ name, server, address, weight }) => ({ name, server, address, weight })),
    })),
  };
}

/**
 * Applies the ledger's table to the load balancer. One process at a time does so, each with what the ledger
 * says at that moment, so that the last one always leaves the newest table. With a slot it waits for that one's
 * backends only: one of another app that is not up must not fail this one's rollout.
 */
export async function applyRoutes(
  db: Database,
  { loadBalancer, isSticky }: { readonly loadBalancer: LoadBalancer; readonly isSticky: IsSticky },
  { signal, slot }: { readonly signal: AbortSignal; readonly slot?: number | undefined },
): Promise<void> {
  const lease = await waitForLease(db, signal);
  const lost = new AbortController();
  const renew = async () => {
    // A ledger that is busy for a moment is told again soon.
    const mine = await renewLease(db, lease).catch(() => true);
    if (!mine) lost.abort(new Failure('lease_lost', 'Another process applies the routes by now.'));
  };
  const renewal = setInterval(renew, 2_000);
  try {
    await loadBalancer.apply(await readTable(db, isSticky), AbortSignal.any([signal, lost.signal]), slot);
  } finally {
    clearInterval(renewal);
    await releaseLease(db, lease);
  }
}

async function waitForLease(db: Database, signal: AbortSignal) {
  const deadline = performance.now() + waitLimitMs;
  while (performance.now() < deadline) {
    const lease = await claimLease(db, leaseKey);
    if (lease !== null) return lease;
    await pause(10, undefined, { signal });
  }
  throw new Failure('load_balancer_failed', 'Another process holds the load balancer for too long.');
}
