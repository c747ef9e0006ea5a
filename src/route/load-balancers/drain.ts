import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { sectionsOf } from '../plan.ts';
import type { Paths } from './config-file.ts';
import { command, listWorkers, readServers, type ServerRow, type Worker } from './runtime.ts';

const intervalMs = 50;
// What a session that was told to end may still take.
const endingMs = 5_000;

/** Waits until retired backends have no session in any worker; ends the sessions left at the deadline. */
export async function drainBackends(
  paths: Paths,
  options: { slot: number; names: readonly string[]; deadlineMs: number; signal: AbortSignal },
): Promise<{ ended: number }> {
  const deadline = performance.now() + options.deadlineMs;
  let ended = 0;
  let isEnding = false;
  while (true) {
    options.signal.throwIfAborted();
    const busy = await listBusy(paths, options);
    if (busy?.length === 0) return { ended };
    if (performance.now() > deadline + endingMs) {
      throw new Failure('load_balancer_lost', `sessions of ${options.names.join(', ')} do not end`);
    }
    if (busy !== undefined && !isEnding && performance.now() >= deadline) {
      isEnding = true;
      ended = busy.reduce((sum, { row }) => sum + row.sessions, 0);
      await endSessions(paths, busy);
    }
    await pause(intervalMs, undefined, { signal: options.signal });
  }
}

type Busy = { readonly worker: Worker; readonly row: ServerRow };

/** Named backends with sessions; undefined when HAProxy does not answer just now. */
async function listBusy(
  paths: Paths,
  options: { slot: number; names: readonly string[] },
): Promise<readonly Busy[] | undefined> {
  const sections = sectionsOf(options.slot);
  const busy: Busy[] = [];
  try {
    for (const worker of await listWorkers(paths)) {
      const { servers } = await readServers(paths, worker);
      const rows = servers.filter(
        (row) => sections.includes(row.section) && options.names.includes(row.name),
      );
      busy.push(...rows.filter((row) => isBusy(row)).map((row) => ({ worker, row })));
      ensureRetired(worker, rows);
    }
    return busy;
  } catch (error) {
    if (error instanceof Failure && error.code === 'load_balancer_lost') return undefined;
    throw error;
  }
}

function isBusy(row: ServerRow): boolean {
  return row.state === 'retired' && row.sessions > 0;
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

async function endSessions(paths: Paths, busy: readonly Busy[]): Promise<void> {
  for (const { worker, row } of busy) {
    await command(paths, worker, [`shutdown sessions server ${row.section}/${row.id}`]);
  }
}
