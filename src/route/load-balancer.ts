import type { Table } from './table.ts';

/** What the load balancer counted of one backend since it was added, or since it was itself started if that is later. */
export type BackendTraffic = {
  /** The container's. */
  readonly name: string;
  /** Requests that were answered, and those that the backend broke off. */
  readonly requests: number;
  /** Answers of 5xx, and connections that the backend refused or broke; each try counts. */
  readonly errors5xx: number;
  /** Mean time from the request to the first byte of the answer, ms, of the last 1024 answers; 0 without any. */
  readonly latencyMs: number;
  /** Requests and open sessions (websockets) now. */
  readonly sessions: number;
  readonly up: boolean;
  /** The last check's outcome in the load balancer's words. */
  readonly lastCheck: string;
};

/** What holds the routes. Any number of processes may open the same one; `apply` is for one at a time. */
export type LoadBalancer = {
  /**
   * Makes the load balancer route this table and no other. Resolves when every backend is checked up by the
   * load balancer itself and has its weight, and every other one admits nothing new. A service whose new
   * backends are not up keeps its old ones. With a slot it waits for the backends of that one only. Throws
   * `backend_not_up`, `table_invalid`, `load_balancer_*`.
   */
  apply(table: Table, signal: AbortSignal, slot?: number): Promise<void>;
  /**
   * Resolves when the named backends, already out of the table, have no request or session left. At the
   * deadline the remaining sessions are ended and counted.
   */
  drain(
    slot: number,
    names: readonly string[],
    options: { deadlineMs: number; signal: AbortSignal },
  ): Promise<{ ended: number }>;
  /** Counters of a slot's backends, retired ones too while they are known. */
  traffic(slot: number): Promise<readonly BackendTraffic[]>;
  /** Backends that are to serve and refuse the load balancer's connections, each with for how long already, ms. */
  listDown(): Promise<ReadonlyMap<string, number>>;
  /** True when it answers. */
  isReady(): Promise<boolean>;
  [Symbol.asyncDispose](): Promise<void>;
};
