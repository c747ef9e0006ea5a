import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { sectionsOf } from '../plan.ts';
import type { Paths } from './config-file.ts';
import { endSessions, hasClients, listWorkers, readServers, type ServerRow, type Worker } from './runtime.ts';

const intervalMs = 50;
// What a session that was told to end may still take.
const endingMs = 5_000;
// `timeout http-keep-alive` of the config, and a little.
const keepAliveSeconds = 32;

/** Waits until retired backends have no session in any worker; ends the sessions left at the deadline. */
export async function drainBackends(paths: Paths, options: DrainOptions): Promise<{ ended: number }> {
  const deadline = performance.now() + options.deadlineMs;
  let ended: number | undefined;
  while (true) {
    options.signal.throwIfAborted();
    const isLate = performance.now() >= deadline;
    const busy = await listBusy(paths, options);
    if (busy?.length === 0 && (isLate || !(await mayGetMore(paths, options)))) return { ended: ended ?? 0 };
    if (performance.now() > deadline + endingMs) {
      throw new Failure('load_balancer_lost', `sessions of ${options.names.join(', ')} do not end`);
    }
    if (busy !== undefined && isLate) {
      ended ??= countSessions(busy);
      for (const { worker, row } of busy) await endSessions(paths, worker, row);
    }
    await pause(intervalMs, undefined, { signal: options.signal });
  }
}

type DrainOptions = {
  readonly slot: number;
  readonly names: readonly string[];
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
};

function countSessions(busy: readonly Busy[]): number {
  return busy.reduce((sum, { row }) => sum + row.sessions, 0);
}

/**
 * True while a worker that a reload left behind has clients who may send one more request: it cannot be told
 * of the new table any more. Their idle connections are gone after the keep-alive timeout.
 */
async function mayGetMore(paths: Paths, options: DrainOptions): Promise<boolean> {
  return passingOver(async () => {
    const workers = await listWorkers(paths);
    if (workers.some((worker) => !worker.isOld && worker.upSeconds > keepAliveSeconds)) return false;
    for (const worker of workers.filter(({ isOld }) => isOld)) {
      const knows = (await listRows(paths, worker, options)).length > 0;
      if (knows && (await hasClients(paths, worker))) return true;
    }
    return false;
  }, true);
}

/** What `read` tells, or the other value while HAProxy does not answer. */
async function passingOver<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Failure && error.code === 'load_balancer_lost') return otherwise;
    throw error;
  }
}

async function listRows(paths: Paths, worker: Worker, options: DrainOptions): Promise<readonly ServerRow[]> {
  const sections = sectionsOf(options.slot);
  const { servers } = await readServers(paths, worker);
  return servers.filter((row) => sections.includes(row.section) && options.names.includes(row.name));
}

type Busy = { readonly worker: Worker; readonly row: ServerRow };

/** Named backends with sessions; undefined when HAProxy does not answer just now. */
async function listBusy(paths: Paths, options: DrainOptions): Promise<readonly Busy[] | undefined> {
  return passingOver(async () => {
    const busy: Busy[] = [];
    for (const worker of await listWorkers(paths)) {
      const rows = await listRows(paths, worker, options);
      ensureRetired(worker, rows);
      busy.push(...rows.filter((row) => isBusy(worker, row)).map((row) => ({ worker, row })));
    }
    return busy;
  }, undefined);
}

/** An old worker still calls up what was retired after it was replaced. */
function isBusy(worker: Worker, row: ServerRow): boolean {
  return row.sessions > 0 && (worker.isOld || row.state === 'retired');
}

/** A name is still routed when one of its addresses is; a container that moved leaves a retired one behind. */
function ensureRetired(worker: Worker, rows: readonly ServerRow[]): void {
  if (worker.isOld) return;
  const routed = rows.find(
    (row) =>
      row.state !== 'retired' && !rows.some((each) => each.name === row.name && each.state === 'retired'),
  );
  if (routed === undefined) return;
  throw new Failure('backend_still_routed', `${routed.name} is in the routing table and cannot be drained`);
}
