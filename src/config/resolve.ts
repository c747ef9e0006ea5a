import { join } from 'node:path';
import type {
  Address,
  Config,
  EnvironmentConfig,
  ExternalRegistry,
  MasterKeyPlace,
  OutsideConfig,
  PreviewConfig,
  ReceiverConfig,
  RolloutConfig,
  SmtpConfig,
} from '../config.ts';
import { toMailUrl } from '../model/mail-address.ts';
import { noticeEvents } from '../model/notice.ts';
import { chooseServers, type Server } from '../model/server.ts';
import type { WrittenConfig, WrittenEnvironment, WrittenServer } from './schema.ts';

/** Turns the written words into the Config of the program: paths, roles and addresses resolved. Pure. */
export function resolveConfig(
  written: WrittenConfig,
  file: string,
  resolvePath: (path: string) => string,
  env: Readonly<Record<string, string | undefined>> = {},
): Config {
  const data = resolvePath(written.data);
  const servers = mapValues(written.servers, (server, name) =>
    resolveServer(server, { name, data, resolvePath }),
  );
  const { timeout, socket, ...builders } = written.builders;
  return freeze({
    file,
    url: (written.url ?? defaultUrl(written.listen)).replace(/\/+$/, ''),
    listen: { ...written.listen, tls: resolveTls(written.listen.tls, resolvePath) },
    data,
    secrets: {
      ...resolveSecrets(written.secrets, data, resolvePath),
      outside: resolveOutside(written.secrets.outside, resolvePath, env),
    },
    redis: written.redis === 'embedded' ? 'embedded' : { url: written.redis },
    registry: resolveRegistry(written.registry),
    loadBalancer: {
      kind: 'embedded',
      listen:
        written.loadBalancer === 'embedded' ? { host: '127.0.0.1', port: 8080 } : written.loadBalancer.listen,
    },
    builders: { ...builders, timeoutMs: timeout, socket: resolvePath(socket) },
    domain: written.domain ?? null,
    servers,
    environments: mapValues(written.environments, (entry, name) => resolveEnvironment(entry, name, servers)),
    previews: resolvePreviews(written.previews),
    limits: written.limits,
    webhooks: written.webhooks,
    notifications: {
      smtp: resolveSmtp(written.notifications.smtp, resolvePath),
      receivers: mapValues(written.notifications.receivers, resolveReceiver),
    },
    retention: written.retention,
  });
}

function mapValues<From, To>(from: Readonly<Record<string, From>>, turn: (value: From, key: string) => To) {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [key, turn(value, key)]));
}

/** An address that listens on every interface is reached by another name. */
function defaultUrl({ http: { host, port }, tls }: { http: Address; tls?: object | undefined }): string {
  const any = host === '0.0.0.0' || host === '::';
  const shown = any ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'http' : 'https'}://${shown}:${port}`;
}

function resolveTls(tls: WrittenConfig['listen']['tls'], resolvePath: (path: string) => string) {
  return tls === undefined ? null : { cert: resolvePath(tls.cert), key: resolvePath(tls.key) };
}

function resolveRegistry(registry: WrittenConfig['registry']): 'embedded' | ExternalRegistry {
  if (registry === 'embedded') return registry;
  return {
    url: registry.url.replace(/\/+$/, ''),
    namespace: registry.namespace,
    username: registry.username ?? null,
    password: registry.password ?? null,
  };
}

const smtpPorts = { tls: 465, starttls: 587, none: 25 };

function resolveSmtp(
  smtp: WrittenConfig['notifications']['smtp'],
  resolvePath: (path: string) => string,
): SmtpConfig | null {
  if (smtp === undefined) return null;
  const { port = smtpPorts[smtp.security], username = null, password = null, ca, ...same } = smtp;
  return { ...same, port, username, password, ca: ca === undefined ? null : resolvePath(ca) };
}

type WrittenReceiver = WrittenConfig['notifications']['receivers'][string];

function resolveReceiver({ kind, to, ...rest }: WrittenReceiver): ReceiverConfig {
  const { secret = null, events = noticeEvents, apps = null, environments = null } = rest;
  return { kind, to: kind === 'mail' ? toMailUrl(to) : to, secret, events, apps, environments };
}

function resolveSecrets(
  { key, keyFile }: WrittenConfig['secrets'],
  data: string,
  resolvePath: (path: string) => string,
): MasterKeyPlace {
  if (key !== undefined) return { kind: 'text', text: key };
  const path = keyFile === undefined ? join(data, 'keys', 'master.key') : resolvePath(keyFile);
  return { kind: 'file', path };
}

/** A variable that is not set is missed when an app wants it, not before. */
function resolveOutside(
  { folders, variables }: WrittenConfig['secrets']['outside'],
  resolvePath: (path: string) => string,
  env: Readonly<Record<string, string | undefined>>,
): OutsideConfig {
  const set = variables.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { folders: folders.map(resolvePath), names: variables, variables: Object.fromEntries(set) };
}

function resolveServer(
  server: WrittenServer,
  place: { name: string; data: string; resolvePath: (path: string) => string },
): Server {
  const { name } = place;
  if (server === 'local') return { name, kind: 'local', address: '127.0.0.1', roles: [] };
  if ('local' in server)
    return { name, kind: 'local', address: server.address ?? '127.0.0.1', roles: server.roles };
  const identity = server.identity
    ? place.resolvePath(server.identity)
    : join(place.data, 'keys', 'id_ed25519');
  return {
    name,
    kind: 'ssh',
    ...server.ssh,
    identity,
    hostKey: server.hostKey ?? null,
    via: server.via ?? null,
    address: server.address ?? server.ssh.host,
    roles: server.roles,
  };
}

function resolveEnvironment(
  entry: WrittenEnvironment,
  name: string,
  servers: Readonly<Record<string, Server>>,
): EnvironmentConfig {
  const words = entry.servers;
  return {
    name,
    branches: entry.branches,
    tags: entry.tags,
    servers: chooseServers(words ?? null, Object.values(servers)),
    serverWords: words ?? null,
    promoteFrom: entry.promoteFrom,
    approval: entry.approval === 'other' ? 'other' : entry.approval ? 'anyone' : 'none',
    sticky: entry.sticky,
    requireNonRoot: entry.requireNonRoot,
    supersede: entry.supersede,
    rollout: resolveRollout(entry.rollout),
  };
}

function resolvePreviews(previews: WrittenConfig['previews']): PreviewConfig | null {
  if (previews === undefined) return null;
  const { ttl, configFrom = null, ...same } = previews;
  return { ...same, configFrom, ttlMs: ttl };
}

function resolveRollout(rollout: WrittenEnvironment['rollout']): RolloutConfig {
  const { health } = rollout;
  return {
    strategy: rollout.strategy,
    first: rollout.first,
    batch: rollout.batch,
    steps: rollout.steps,
    health: {
      path: health.path,
      intervalMs: health.interval,
      timeoutMs: health.timeout,
      healthy: health.healthy,
      deadlineMs: health.deadline,
    },
    drainMs: rollout.drain,
    stopTimeoutMs: rollout.stopTimeout,
    bakeMs: rollout.bake,
    keepMs: rollout.keep,
    maxErrorRate: rollout.maxErrorRate ?? null,
    maxLatencyMs: rollout.maxLatency ?? null,
    minRequests: rollout.minRequests,
    autoRollback: rollout.autoRollback,
    releaseTimeoutMs: rollout.releaseTimeout,
    onUnreachable: rollout.onUnreachable,
  };
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
