import { Failure } from '../../failure.ts';
import { examineServer } from '../doctor/server.ts';
import { nothing, trustBody } from '../input.ts';
import { type Route, route } from '../route.ts';
import { describePin, describeServer, describeServerWhole } from '../server-view.ts';

export const serverRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/servers',
    scope: 'installation',
    right: 'read',
    title: 'The servers and whether they answer now',
    query: nothing,
    body: nothing,
    listBy: ['name'],
    async answer({ desk, signal }) {
      const servers = Object.values(await desk.fleet.readServers());
      const items = await Promise.all(servers.map((server) => describeServer(desk, server, signal)));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/servers/:server',
    scope: 'installation',
    right: 'read',
    title: 'A server with its disk and what runs there, and what of it was changed by hand',
    query: nothing,
    body: nothing,
    async answer({ desk, params, signal }) {
      const server = await desk.fleet.getServer(params.server ?? '');
      return { json: await describeServerWhole(desk, server, signal) };
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
      const server = await desk.fleet.getServer(params.server ?? '');
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
      const server = await desk.fleet.getServer(params.server ?? '');
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
      const items = await examineServer(desk, params.server ?? '', signal);
      return { json: { items, next: null } };
    },
  }),
];
