import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { type Change, findWaiting, type ObservedTable, planChanges } from '../plan.ts';
import type { Backend, Table } from '../table.ts';
import { decodeNotice, encodeNotice, type Listen, type Paths, serverOptions } from './config-file.ts';
import { ensureCookieKey, readSaved, type Saved, writeSaved } from './folder.ts';
import type { Log } from './haproxy.ts';
import { ask, command, listWorkers, readMap, readServers, type Worker } from './runtime.ts';

export type PerformContext = {
  readonly paths: Paths;
  readonly listen: Listen;
  readonly slots: number;
  readonly log: Log;
};

/** The table, and the slot whose backends are waited for; without one those of all are. */
export type Task = { readonly table: Table; readonly slot: number | undefined };

export type Advance = {
  /** True when HAProxy and its files hold the table, but for services that nobody waits for. */
  readonly isSettled: boolean;
  /** Backends that are waited for and are not up yet. */
  readonly waiting: readonly Backend[];
};

const reloadDeadlineMs = 10_000;

/** Looks at what HAProxy holds and brings it one step nearer to the table. */
export async function advanceTable(
  context: PerformContext,
  { table, slot }: Task,
  signal: AbortSignal,
): Promise<Advance> {
  const { paths } = context;
  const [current] = await listWorkers(paths);
  if (current === undefined) throw new Failure('load_balancer_lost', 'HAProxy has no worker');
  const saved = (await readSaved(paths)) ?? { table: { services: [] }, slots: context.slots };
  const observed = await observeTable(paths, current);
  const changes = planChanges(table, observed);
  // Whoever stood still since he was asked to end must not change what others did meanwhile.
  signal.throwIfAborted();
  const growth = changes.find((change) => change.kind === 'grow');
  if (growth !== undefined) {
    await growSlots(context, { ...saved, slots: growth.slots }, signal);
    return { isSettled: false, waiting: [] };
  }
  const settled = planSettled(table, saved.table, observed);
  const gone = changes.filter(isFarewell);
  await performChanges(
    context,
    current,
    changes.filter((change) => !isFarewell(change)),
  );
  // From here on a HAProxy that is killed comes back without the old backends, so they may go.
  await writeSaved({ table: settled, slots: observed.slots }, context);
  await performChanges(context, current, gone);
  const awaited = table.services.filter((service) => slot === undefined || service.slot === slot);
  const waiting = awaited.flatMap((service) => findWaiting(service, observed));
  const isSettled = waiting.length === 0 && changes.every((change) => change.kind === 'forget');
  return { isSettled, waiting };
}

/** What a worker holds now. */
export async function observeTable(paths: Paths, worker: Worker): Promise<ObservedTable> {
  const [{ sections, servers }, routes, words] = await Promise.all([
    readServers(paths, worker),
    readMap(paths, worker, paths.hosts),
    readMap(paths, worker, paths.notices),
  ]);
  const slots = [...sections].filter((section) => /^slot-[0-9]+$/.test(section)).length;
  const notices = new Map([...words].map(([section, word]) => [section, decodeNotice(word)] as const));
  return { slots, sections: Map.groupBy(servers, (row) => row.section), routes, notices };
}

/** The table that may be saved: a service that is not switched yet stays as it was, but for its page. */
function planSettled(table: Table, before: Table, observed: ObservedTable): Table {
  const ready = table.services.filter((service) => findWaiting(service, observed).length === 0);
  const taken = new Set(ready.flatMap((service) => service.domains));
  const others = table.services.filter((service) => !ready.includes(service));
  const kept = before.services.flatMap((service) => {
    const other = others.find(({ slot }) => slot === service.slot);
    if (other === undefined) return [];
    const domains = service.domains.filter((domain) => !taken.has(domain));
    return [{ ...service, domains, maintenance: other.maintenance }];
  });
  return { services: [...ready, ...kept].sort((one, other) => one.slot - other.slot) };
}

/** Changes that take something away; they come after the table is saved. */
function isFarewell(change: Change): boolean {
  return change.kind === 'unroute' || change.kind === 'retire' || change.kind === 'forget';
}

async function performChanges(
  context: PerformContext,
  worker: Worker,
  changes: readonly Change[],
): Promise<void> {
  const { paths } = context;
  const lasting = changes.filter((change) => change.kind !== 'forget');
  await renewCookies(paths, worker, changes);
  await command(
    paths,
    worker,
    lasting.flatMap((change) => commandsOf(change, paths)),
  );
  for (const change of changes) {
    if (change.kind !== 'forget') continue;
    try {
      await command(paths, worker, [`del server ${change.section}/${change.id}`]);
    } catch (error) {
      // Refused while its container holds idle connections open; a later table tries again.
      if (!(error instanceof Failure && error.code === 'load_balancer_refused')) throw error;
      context.log.debug({ err: error }, 'a retired backend is kept for now');
    }
  }
}

/**
 * A server that was added has no cookie until its section's are made again; those of others come out the same. It
 * gets its own before its weight, so that whoever is killed in between leaves a server that is not used yet.
 */
async function renewCookies(paths: Paths, worker: Worker, changes: readonly Change[]): Promise<void> {
  const weighed = changes.flatMap((change) => (change.kind === 'weigh' ? [change.section] : []));
  const sticky = [...new Set(weighed)].filter((section) => section.endsWith('-sticky'));
  if (sticky.length === 0) return;
  const key = await ensureCookieKey(paths);
  const commands = sticky.map((section) => `set dynamic-cookie-key backend ${section} ${key}`);
  await command(paths, worker, commands);
}

function commandsOf(change: Change, paths: Paths): readonly string[] {
  switch (change.kind) {
    case 'close': {
      const word = encodeNotice(change.notice);
      return [`${change.known ? 'set' : 'add'} map ${paths.notices} ${change.section} ${word}`];
    }
    case 'reopen':
      return [`del map ${paths.notices} ${change.section}`];
    case 'route':
      return [`${change.known ? 'set' : 'add'} map ${paths.hosts} ${change.domain} ${change.destination}`];
    case 'unroute':
      return [`del map ${paths.hosts} ${change.domain}`];
    case 'add':
      return [
        `add server ${change.section}/${change.id} ${change.address} ${serverOptions} weight 0`,
        `enable health ${change.section}/${change.id}`,
        ...admit(`${change.section}/${change.id}`),
      ];
    case 'readmit':
      return [`set weight ${change.section}/${change.id} 0`, ...admit(`${change.section}/${change.id}`)];
    case 'weigh':
      return [`set weight ${change.section}/${change.id} ${change.weight}`];
    case 'retire':
      return [`set server ${change.section}/${change.id} state maint`];
    default:
      return [];
  }
}

/** A server that leaves maintenance counts as up unchecked, so it is called down until a check says otherwise. */
function admit(server: string): readonly string[] {
  return [`set server ${server} state ready`, `set server ${server} health down`];
}

/** More sections need another worker; the old one keeps its connections until they are done. */
async function growSlots(context: PerformContext, saved: Saved, signal: AbortSignal): Promise<void> {
  const { paths } = context;
  await writeSaved(saved, context);
  const before = (await listWorkers(paths))[0]?.pid;
  await ask(paths.master, 'reload');
  const deadline = performance.now() + reloadDeadlineMs;
  while (performance.now() < deadline) {
    await pause(50, undefined, { signal });
    if (await isGrown(paths, before, saved.slots)) return;
  }
  throw new Failure('load_balancer_config', `HAProxy did not reload to ${saved.slots} slots`);
}

async function isGrown(paths: Paths, before: number | undefined, slots: number): Promise<boolean> {
  try {
    const [current] = await listWorkers(paths);
    if (current === undefined || current.pid === before) return false;
    return (await observeTable(paths, current)).slots >= slots;
  } catch (error) {
    if (error instanceof Failure && error.code === 'load_balancer_lost') return false;
    throw error;
  }
}
