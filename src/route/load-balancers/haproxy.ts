import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import type { BackendTraffic, LoadBalancer } from '../load-balancer.ts';
import { sectionsOf } from '../plan.ts';
import { checkTable } from '../table.ts';
import { type Listen, type Paths, pathsIn } from './config-file.ts';
import { drainBackends } from './drain.ts';
import { readSaved, sweepUnfinished, writeSaved } from './folder.ts';
import { type Advance, advanceTable, type Task } from './perform.ts';
import { listWorkers, readServers } from './runtime.ts';

export type Log = {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
};

export type HaproxyOptions = {
  /** Absolute path, 80 characters at most: config, maps, sockets and pid live there. */
  readonly folder: string;
  readonly listen: Listen;
  /** Sections declared ahead; more are added by themselves. */
  readonly slots?: number;
  /** How long `apply` waits for backends to come up, ms. */
  readonly upDeadlineMs?: number;
  readonly log: Log;
};

const defaultSlots = 64;
const defaultUpDeadlineMs = 30_000;
const lostDeadlineMs = 10_000;
const lookAgainMs = 15;

/** Drives the HAProxy that runs from this folder; any number of processes may. */
export function openHaproxy(options: HaproxyOptions): LoadBalancer {
  const paths = pathsIn(options.folder);
  const slots = options.slots ?? defaultSlots;
  const closed = new AbortController();
  const during = (signal: AbortSignal) => AbortSignal.any([signal, closed.signal]);
  return {
    async apply(table, signal, slot) {
      checkTable(table);
      await applyTable({ ...options, paths, slots }, { table, slot }, during(signal));
    },
    async drain(slot, names, { deadlineMs, signal }) {
      return await drainBackends(paths, { slot, names, deadlineMs, signal: during(signal) });
    },
    traffic: (slot) => readTraffic(paths, slot),
    listDown: () => readDown(paths),
    isReady: () => isReady(paths),
    async [Symbol.asyncDispose]() {
      closed.abort(new Failure('load_balancer_lost', 'the load balancer was closed'));
    },
  };
}

/**
 * How to run HAProxy in the foreground. Call `prepare` before every start, then read `argv`: when an HAProxy
 * of this folder still runs without its supervisor, the new one takes its sockets over and the old one ends
 * with its last connection.
 */
export function haproxyProcess(options: Pick<HaproxyOptions, 'folder' | 'listen' | 'slots'>): {
  readonly file: string;
  readonly argv: string[];
  prepare(): Promise<void>;
} {
  const paths = pathsIn(options.folder);
  return {
    file: 'haproxy',
    get argv() {
      const argv = ['-W', '-S', `${paths.master},mode,600`, '-p', paths.pid, '-f', paths.config];
      const orphan = findOrphan(paths);
      return orphan === undefined ? argv : [...argv, '-x', paths.admin, '-sf', String(orphan)];
    },
    async prepare() {
      await sweepUnfinished(paths);
      const saved = await readSaved(paths);
      const slots = Math.max(saved?.slots ?? 0, options.slots ?? defaultSlots);
      const table = saved?.table ?? { services: [] };
      await writeSaved({ table, slots }, { paths, listen: options.listen });
    },
  };
}

type ApplyContext = HaproxyOptions & { readonly paths: Paths; readonly slots: number };

async function applyTable(context: ApplyContext, task: Task, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + (context.upDeadlineMs ?? defaultUpDeadlineMs);
  let lastAnswer = performance.now();
  while (true) {
    signal.throwIfAborted();
    let pauseMs = lookAgainMs;
    try {
      const { isSettled, waiting } = await advanceTable(context, task, signal);
      if (isSettled) return;
      // What was changed is only looked at once more; a check of a backend takes its time.
      if (waiting.length === 0) pauseMs = 1;
      lastAnswer = performance.now();
      if (lastAnswer > deadline) throw toNotUp(waiting);
    } catch (error) {
      // It may be starting again, or ended between two commands: what it holds is looked up anew.
      if (!isPassing(error) || performance.now() - lastAnswer > lostDeadlineMs) throw error;
      context.log.debug({ err: error }, 'the load balancer is asked again');
    }
    await pause(pauseMs, undefined, { signal });
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  return error.code === 'load_balancer_lost' || error.code === 'load_balancer_refused';
}

function toNotUp(waiting: Advance['waiting']): Failure {
  const names = waiting.map(({ name, server, address }) => `${name} on ${server} (${address})`);
  return new Failure('backend_not_up', `the load balancer does not reach ${names.join(', ')}`);
}

async function readTraffic(paths: Paths, slot: number): Promise<readonly BackendTraffic[]> {
  const sections = sectionsOf(slot);
  const totals = new Map<string, BackendTraffic>();
  for (const worker of await listWorkers(paths)) {
    for (const row of (await readServers(paths, worker)).servers) {
      if (!sections.includes(row.section)) continue;
      const { name, requests, errors5xx, latencyMs, sessions, lastCheck } = row;
      const up = !worker.isOld && row.state === 'up';
      const counted = { name, requests, errors5xx, latencyMs, sessions, up, lastCheck };
      const before = totals.get(name);
      totals.set(name, before === undefined ? counted : addTraffic(before, counted));
    }
  }
  return [...totals.values()];
}

/** Retired ones serve nothing, and only the current worker checks. */
async function readDown(paths: Paths): Promise<ReadonlyMap<string, number>> {
  const [worker] = await listWorkers(paths);
  if (worker === undefined) return new Map();
  const { servers } = await readServers(paths, worker);
  const down = servers.filter((row) => row.state === 'down');
  return new Map(down.map(({ name, unchangedMs }) => [name, unchangedMs]));
}

/** One backend as two workers counted it, or as two of its addresses did; the first one is the current. */
function addTraffic(one: BackendTraffic, other: BackendTraffic): BackendTraffic {
  const requests = one.requests + other.requests;
  const waited = one.latencyMs * one.requests + other.latencyMs * other.requests;
  return {
    name: one.name,
    requests,
    errors5xx: one.errors5xx + other.errors5xx,
    latencyMs: requests === 0 ? 0 : Math.round(waited / requests),
    sessions: one.sessions + other.sessions,
    up: one.up || other.up,
    lastCheck: one.lastCheck,
  };
}

async function isReady(paths: Paths): Promise<boolean> {
  try {
    await listWorkers(paths);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'load_balancer_lost') return false;
    throw error;
  }
}

function findOrphan(paths: Paths): number | undefined {
  try {
    const pid = Number(readFileSync(paths.pid, 'utf8').trim());
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return command.includes(paths.config) ? pid : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
