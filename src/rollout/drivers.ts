import type { Fleet, ServerConnection } from '../fleet/fleet.ts';
import type { DeployLog } from '../log/deploy-log.ts';
import type { HealthCheck, Image, Release } from '../model/release.ts';
import type { JudgeLimits } from '../route/judge.ts';
import type { BackendTraffic } from '../route/load-balancer.ts';
import type { Place } from '../store/apps.ts';
import type { Database } from '../store/database.ts';
import type { Lease } from '../store/leases.ts';

/** What a rollout needs of the world. */
export type RolloutDrivers = {
  readonly db: Database;
  readonly fleet: Fleet;
  /** Brings an image to a server's engine and answers its local tag there. */
  bringImage(connection: ServerConnection, image: Image, signal: AbortSignal): Promise<string>;
  /** Applies the whole routing table of the ledger; with a slot it waits for the backends of that one only. */
  applyRoutes(signal: AbortSignal, slot?: number): Promise<void>;
  /** Waits until backends that are out of the table have no request left. */
  drain(slot: number, names: readonly string[], deadlineMs: number, signal: AbortSignal): Promise<void>;
  /** What the load balancer counted of a slot's backends. */
  traffic(slot: number): Promise<readonly BackendTraffic[]>;
  /** Backends that refuse the load balancer's connections, each with for how long already, ms. */
  listDown(): Promise<ReadonlyMap<string, number>>;
  random(): number;
};

/** How long a step is watched, and what makes it bad. */
export type WatchRules = {
  /** A canary's last step gives it all: only its shares are watched. */
  readonly sharesOnly: boolean;
  readonly bakeMs: number | 'hold';
  readonly limits: JudgeLimits;
  readonly autoRollback: boolean;
};

/** One deploy's work on one environment, with everything decided. */
export type RolloutJob = {
  readonly place: Place;
  readonly deploy: { readonly id: number; readonly epoch: number };
  /** Of the environment's rollout lane: who lost it changes nothing more. */
  readonly lease: Lease;
  readonly release: Release | null;
  readonly health: HealthCheck;
  readonly drainMs: number;
  readonly stopTimeoutMs: number;
  readonly releaseTimeoutMs: number;
  /** Null when its steps are not watched. */
  readonly watch: WatchRules | null;
  readonly log: DeployLog;
  readonly signal: AbortSignal;
  /** Aborts when this process is to leave the work to another one, and only then. */
  readonly laneSignal: AbortSignal;
};
