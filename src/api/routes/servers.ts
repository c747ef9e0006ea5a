import { Failure } from '../../failure.ts';
import { askEngine } from '../../fleet/ask.ts';
import type { Server } from '../../model/server.ts';
import { findPin } from '../../store/pins.ts';
import type { ApiDesk } from '../desk.ts';
import { examineServer } from '../doctor/server.ts';
import { nothing, trustBody } from '../input.ts';
import { type Route, route } from '../route.ts';

const deadlineMs = 15_000;

export const serverRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/servers',
    scope: 'installation',
    right: 'read',
    title: 'The servers and whether they answer now',
    query: nothing,
    body: nothing,
    async answer({ desk, signal }) {
      const servers = Object.values(desk.config.servers);
      const items = await Promise.all(servers.map((server) => describeServer(desk, server, signal)));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:server/host-key',
    scope: 'installation',
    right: 'admin',
    title: 'The host key that a server shows now, and the one that is pinned',
    query: nothing,
    body: nothing,
    async answer({ desk, params, signal }) {
      const server = getServer(desk, params.server ?? '');
      const fingerprint = await desk.readHostKey(server.name, signal);
      return { json: { name: server.name, fingerprint, ...(await describePin(desk, server)) } };
    },
  }),
  route({
    method: 'POST',
    path: '/servers/:server/trust',
    scope: 'installation',
    right: 'admin',
    title: 'Pins a host key, if the server shows it now',
    query: nothing,
    body: trustBody,
    async answer({ desk, params, body, actor, signal }) {
      const server = getServer(desk, params.server ?? '');
      if (server.kind === 'ssh' && server.hostKey !== null) {
        throw new Failure('managed_by_file', `The host key of ${server.name} is set in ${desk.config.file}.`);
      }
      await desk.trustServer(server.name, body.fingerprint, actor.name, signal);
      return { json: { name: server.name, fingerprint: body.fingerprint } };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:server/doctor',
    scope: 'installation',
    right: 'admin',
    title: 'Every step from here to the engine of a server, and which one fails',
    query: nothing,
    body: nothing,
    async answer({ desk, params, signal }) {
      const items = await examineServer(desk, getServer(desk, params.server ?? '').name, signal);
      return { json: { items, next: null } };
    },
  }),
];

function getServer({ config }: ApiDesk, name: string): Server {
  const found = Object.hasOwn(config.servers, name) ? config.servers[name] : undefined;
  if (found) return found;
  throw new Failure('server_unknown', `There is no server ${JSON.stringify(name.slice(0, 80))}.`);
}

async function describePin({ db }: ApiDesk, server: Server) {
  if (server.kind === 'local') return { pinned: null, pinnedBy: null };
  if (server.hostKey !== null) return { pinned: server.hostKey, pinnedBy: 'file' };
  const pinned = await findPin(db, server.name);
  return { pinned, pinnedBy: pinned === null ? null : 'ledger' };
}

async function describeServer(desk: ApiDesk, server: Server, signal: AbortSignal) {
  const environments = Object.values(desk.config.environments)
    .filter((environment) => environment.servers.includes(server.name))
    .map((environment) => environment.name);
  return {
    name: server.name,
    kind: server.kind,
    ssh: server.kind === 'ssh' ? `${server.user}@${server.host}:${server.port}` : null,
    via: server.kind === 'ssh' ? server.via : null,
    address: server.address,
    roles: server.roles,
    environments,
    ...(await describePin(desk, server)),
    ...(await reach(desk, server.name, signal)),
  };
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
