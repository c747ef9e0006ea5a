import { once } from 'node:events';
import { connect } from 'node:net';
import type { LocalServer } from '../model/server.ts';
import { readSpaceHere } from './disk.ts';
import type { Docker } from './docker.ts';
import type { ServerConnection } from './fleet.ts';

/** An engine of this machine, which need not be one of the fleet: the builder's is not. */
export function connectEngine(server: LocalServer, docker: Docker): ServerConnection {
  return {
    server,
    docker,
    closed: new AbortController().signal,
    refusals: new Set(),
    run: null,
    diskSpace: () => readSpaceHere(docker),
    async openTcp(host, port, signal) {
      const socket = connect({ host, port, signal });
      await once(socket, 'connect', { signal });
      return socket;
    },
    async registryAddress() {
      throw new Error(`${server.name} pulls nothing from the registry`);
    },
  };
}

/** The builder's engine, as messages name it. */
export function connectBuilder(docker: Docker): ServerConnection {
  return connectEngine({ name: 'builder', kind: 'local', address: '', roles: [] }, docker);
}
