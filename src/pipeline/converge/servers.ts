import { Failure } from '../../failure.ts';
import { chooseServers, type Server, type SshServer } from '../../model/server.ts';
import { listPlaces } from '../../store/apps.ts';
import { listContainers } from '../../store/routes.ts';
import { endDrain, forgetServer, listDrained, recordDrain, recordServer } from '../../store/servers.ts';
import type { PipelineDrivers } from '../drivers.ts';
import { findEnvironmentConfig, readServers } from '../environment.ts';

export type ServerDrivers = Pick<PipelineDrivers, 'config' | 'db' | 'touch'>;

/** Changes of the fleet while it runs: each is recorded, then every environment that it concerns is touched. */
export type ServerDesk = {
  /** Throws `managed_by_file`, `server_exists`, `server_unknown` for a jump host that is none. */
  refuseTwin(server: SshServer): Promise<void>;
  /** Throws the same, and `invitation_invalid`; the server was examined before. */
  add(wanted: Parameters<typeof recordServer>[1]): Promise<void>;
  /** Throws `server_unknown`, `server_is_last`. */
  drain(name: string, reason: string, actor: string): Promise<void>;
  /** False when it was not drained. Throws `server_unknown`. */
  undrain(name: string, actor: string): Promise<boolean>;
  /** Throws `server_unknown`, `managed_by_file`, `server_in_use`, `server_is_last`. */
  remove(name: string, options: { readonly force: boolean; readonly actor: string }): Promise<void>;
  /** Environments of the file that use it now. */
  listUsers(name: string): Promise<readonly string[]>;
};

export function openServerDesk(drivers: ServerDrivers): ServerDesk {
  const { config, db } = drivers;
  return {
    refuseTwin: (server) => refuseTwin(server, drivers),
    async add(wanted) {
      await refuseTwin(wanted.server, drivers);
      await recordServer(db, wanted);
      await touchUsers(wanted.server.name, drivers);
    },
    async drain(name, reason, actor) {
      await getServer(name, drivers);
      await refuseLast(name, drivers);
      await recordDrain(db, { server: name, reason, actor });
      await touchUsers(name, drivers);
    },
    async undrain(name, actor) {
      await getServer(name, drivers);
      const ended = await endDrain(db, name, actor);
      await touchUsers(name, drivers);
      return ended;
    },
    async remove(name, { force, actor }) {
      await getServer(name, drivers);
      if (Object.hasOwn(config.servers, name)) {
        throw new Failure('managed_by_file', `${name} is a server of ${config.file}.`, {
          fix: `Remove the line "servers"."${name}" there, then hawser apply.`,
        });
      }
      await refuseLast(name, drivers);
      await refuseInUse(name, force, drivers);
      const users = await listConcerned(name, drivers);
      await forgetServer(db, name, actor);
      for (const id of users) await drivers.touch('rollout', id);
    },
    listUsers: (name) => listUsers(name, drivers),
  };
}

async function getServer(name: string, drivers: ServerDrivers): Promise<Server> {
  const servers = await readServers(drivers);
  const found = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (found !== undefined) return found;
  throw new Failure('server_unknown', `There is no server ${JSON.stringify(name.slice(0, 80))}.`);
}

/** What the file refuses of two servers is refused here too. */
async function refuseTwin(server: SshServer, drivers: ServerDrivers): Promise<void> {
  const { config } = drivers;
  if (Object.hasOwn(config.servers, server.name)) {
    throw new Failure('managed_by_file', `${server.name} is a server of ${config.file}.`);
  }
  const servers = await readServers(drivers);
  for (const other of Object.values(servers)) {
    const same = findTwin(server, other);
    if (same !== null) throw new Failure('server_exists', `${other.name} has the same ${same}.`);
  }
  const jump = server.via === null ? undefined : servers[server.via];
  if (server.via !== null && jump?.kind !== 'ssh') {
    throw new Failure('server_unknown', `There is no server ${server.via} to jump through.`);
  }
}

/** In what two servers are one; null when they are two. Pure. */
export function findTwin(server: SshServer, other: Server): string | null {
  if (other.name === server.name) return 'name';
  if (other.roles.includes(server.name)) return 'name, as a role';
  if (server.roles.includes(other.name)) return `name as the role ${other.name}`;
  const place = ({ host, port }: SshServer) => `${host.toLowerCase()}:${port}`;
  // Behind a jump host the same private address may be another machine.
  if (server.via === null && other.kind === 'ssh' && other.via === null && place(other) === place(server)) {
    return `SSH endpoint ${place(server)}`;
  }
  return other.address === server.address ? `address ${server.address}` : null;
}

/** Nothing is taken out that would leave an environment without a server. Throws `server_is_last`. */
async function refuseLast(name: string, drivers: ServerDrivers): Promise<void> {
  const usable = await listUsable(drivers);
  for (const environment of Object.values(drivers.config.environments)) {
    const servers = chooseServers(environment.serverWords, usable);
    if (servers.length === 1 && servers[0] === name) {
      throw new Failure('server_is_last', `${name} is the last server of ${environment.name}.`);
    }
  }
}

async function refuseInUse(name: string, force: boolean, drivers: ServerDrivers): Promise<void> {
  const through = Object.values(await readServers(drivers)).find(
    (other) => other.kind === 'ssh' && other.via === name,
  );
  if (through !== undefined) {
    throw new Failure('server_in_use', `${through.name} is reached through ${name}.`, {
      fix: `hawser servers:remove ${through.name} first.`,
    });
  }
  if (force) return;
  if (!(await listDrained(drivers.db)).has(name)) {
    throw new Failure('server_in_use', `${name} is not drained.`);
  }
  const left = (await listContainers(drivers.db)).filter(({ server }) => server === name);
  if (left.length === 0) return;
  throw new Failure('server_in_use', `${name} still runs ${left.map((row) => row.name).join(', ')}.`);
}

async function listUsable({ config, db }: ServerDrivers): Promise<readonly Server[]> {
  const [servers, drained] = await Promise.all([readServers({ config, db }), listDrained(db)]);
  return Object.values(servers).filter((server) => !drained.has(server.name));
}

async function listUsers(name: string, drivers: ServerDrivers): Promise<readonly string[]> {
  const usable = await listUsable(drivers);
  return Object.values(drivers.config.environments)
    .filter(({ serverWords }) => chooseServers(serverWords, usable).includes(name))
    .map((environment) => environment.name);
}

async function touchUsers(name: string, drivers: ServerDrivers): Promise<void> {
  for (const id of await listConcerned(name, drivers)) await drivers.touch('rollout', id);
}

/** Environments that run something there, or are to. */
async function listConcerned(name: string, drivers: ServerDrivers): Promise<readonly string[]> {
  const rows = await listContainers(drivers.db);
  const concerned: string[] = [];
  for (const { environment } of await listPlaces(drivers.db)) {
    const settings = await findEnvironmentConfig(drivers, environment.name);
    const isThere = rows.some((row) => row.server === name && row.environment_id === environment.id);
    if (isThere || settings?.servers.includes(name)) concerned.push(environment.id);
  }
  return concerned;
}
