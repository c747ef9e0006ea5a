import { Failure } from '../failure.ts';
import { askEngine } from '../fleet/ask.ts';
import { observeServer } from '../fleet/observe.ts';
import { namesOf } from '../model/app.ts';
import type { ObservedServer } from '../model/container.ts';
import type { Server } from '../model/server.ts';
import { findUnfit } from '../pipeline/converge/unfit.ts';
import { keyOf } from '../rollout/switches.ts';
import { listPlaces } from '../store/apps.ts';
import { findPin } from '../store/pins.ts';
import { getRelease } from '../store/releases.ts';
import { listContainers } from '../store/routes.ts';
import { listDrains } from '../store/servers.ts';
import type { ApiDesk } from './desk.ts';

const deadlineMs = 15_000;

/** A server as the file or the ledger has it, and whether it answers now. */
export async function describeServer(desk: ApiDesk, server: Server, signal: AbortSignal) {
  const { config, db, servers } = desk;
  const drain = (await listDrains(db)).find((row) => row.server === server.name);
  return {
    name: server.name,
    kind: server.kind,
    from: Object.hasOwn(config.servers, server.name) ? 'file' : 'added',
    ssh: server.kind === 'ssh' ? `${server.user}@${server.host}:${server.port}` : null,
    via: server.kind === 'ssh' ? server.via : null,
    address: server.address,
    roles: server.roles,
    environments: await servers.listUsers(server.name),
    drained: drain ? { reason: drain.reason, by: drain.drained_by, at: drain.drained_at } : null,
    ...(await describePin(desk, server)),
    ...(await reach(desk, server.name, signal)),
  };
}

export async function describePin({ db }: Pick<ApiDesk, 'db'>, server: Server) {
  if (server.kind === 'local') return { pinned: null, pinnedBy: null };
  if (server.hostKey !== null) return { pinned: server.hostKey, pinnedBy: 'file' };
  const pinned = await findPin(db, server.name);
  return { pinned, pinnedBy: pinned === null ? null : 'ledger' };
}

/** The same with its disk and what of ours is there, each with what was changed by hand. */
export async function describeServerWhole(desk: ApiDesk, server: Server, asked: AbortSignal) {
  const shown = await describeServer(desk, server, asked);
  if (!shown.reachable) return { ...shown, disk: null, containers: null };
  const signal = AbortSignal.any([asked, AbortSignal.timeout(deadlineMs)]);
  const connection = await desk.fleet.connect(server.name, signal);
  const [seen, disk] = await Promise.all([
    observeServer(connection, {}, signal),
    connection.diskSpace(signal),
  ]);
  const changed = await listChanged(desk, seen, signal);
  const containers = (seen.reachable ? seen.containers : []).map(({ imageId: _, ...container }) => ({
    ...container,
    changed: changed.get(keyOf(container)) ?? [],
  }));
  return { ...shown, disk, containers };
}

async function listChanged({ db, fleet }: ApiDesk, seen: ObservedServer, signal: AbortSignal) {
  const changed = new Map<string, readonly string[]>();
  if (!seen.reachable) return changed;
  for (const place of await listPlaces(db)) {
    const { app, environment } = place;
    const mine = seen.containers.filter(
      (one) => namesOf(app).includes(one.app) && one.env === environment.name,
    );
    if (mine.length === 0 || environment.currentReleaseId === null) continue;
    const release = await getRelease(db, environment.currentReleaseId);
    const rows = await listContainers(db, environment.id);
    const question = { place, release, rows, servers: [{ ...seen, containers: mine }], down: new Map() };
    for (const [key, names] of await findUnfit(question, fleet, signal)) changed.set(key, names);
  }
  return changed;
}

async function reach({ fleet }: ApiDesk, name: string, asked: AbortSignal) {
  const signal = AbortSignal.any([asked, AbortSignal.timeout(deadlineMs)]);
  try {
    const connection = await fleet.connect(name, signal);
    const ask = { connection, what: 'ask the engine', signal };
    const { Version } = await askEngine(ask, () => connection.docker.version());
    return { reachable: true, engine: Version, code: null, reason: null };
  } catch (error) {
    asked.throwIfAborted();
    const { name: kind, message } = error as Error;
    const reason = kind === 'TimeoutError' ? `no answer within ${deadlineMs / 1000} s` : message;
    return { reachable: false, engine: null, code: error instanceof Failure ? error.code : null, reason };
  }
}
