import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { Failure } from './failure.ts';
import { ensureIdentity } from './fleet/identity.ts';
import { collectIfOrdered } from './publish/collect.ts';
import { prepareEmbeddedRegistry } from './publish/embedded.ts';
import { ensureHostKey } from './receive/ssh/host-key.ts';
import { haproxyProcess } from './route/load-balancers/haproxy.ts';
import { type MasterKeys, openMasterKeys } from './secrets/master-key.ts';
import { createClaim } from './store/access/claims.ts';
import { hasUsers } from './store/access/users.ts';
import { openLedger } from './store/database.ts';
import { type Child, type ChildPlan, keepChild } from './supervise/child.ts';
import { type Folders, makeFolders, planFolders } from './supervise/folders.ts';
import { keepLogsShort, logCap } from './supervise/log-cap.ts';
import { keepLoopbackPort } from './supervise/loopback-port.ts';
import { lockRole } from './supervise/role-lock.ts';
import { untilAborted, watchShutdown } from './supervise/shutdown.ts';

export type UpOptions = {
  readonly config: Config;
  /** What Redis, the registry, the load balancer and our own processes may see of the environment. */
  readonly env: Readonly<Record<string, string>>;
  say(line: string): void;
};

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const readyLimitMs = 30_000;

/**
 * Starts and supervises everything that the config says is embedded, the server and its workers, in the
 * foreground, until it is asked to end. Throws `already_running` and `redis_policy`.
 */
export async function runUp({ config, env, say }: UpOptions): Promise<void> {
  const folders = planFolders(config.data);
  makeFolders(folders);
  // From here on a request to end is obeyed in order: parts of an earlier supervisor are ended too.
  const shutdown = watchShutdown(new Failure('shutting_down', 'Hawser is being stopped.'));
  using _lock = lockRole(folders.run, 'up');
  using _logs = keepLogsShort(folders.logs, { ...logCap, say });
  // Brought up to date once, before those who share it start; a broken one is told before anything runs.
  const masters = openMasterKeys(config.secrets, (path) =>
    say(`master key made: ${path}; keep a copy of it apart from the data, without it nothing sealed opens`),
  );
  const setupToken = await prepareLedger(folders.ledger, masters);
  if (config.redis !== 'embedded') {
    const { refuseLossyRedis } = await import('./queue/queue.ts');
    await refuseLossyRedis({ url: config.redis.url }, say);
  }
  await ensureIdentity(join(folders.keys, 'id_ed25519'));
  const { fingerprint } = await ensureHostKey(config.data);
  say(`git over SSH: port ${config.listen.ssh.port}, host key ${fingerprint}`);
  const children: Child[] = [];
  const events = {
    started: (name: string, pid: number, adopted: boolean) =>
      say(`${name} ${adopted ? 'goes on' : 'started'} (process ${pid})`),
    askedRestart: (part: string | null) =>
      void (part === null ? restartOwn(children) : restartPart(children, part)),
    died: (name: string, how: string, waitMs: number) =>
      say(`${name} ${how}; it is started again${waitMs > 0 ? ` in ${waitMs} ms` : ''}`),
  };
  try {
    for (const plan of await planChildren(config, folders, { env, say }))
      children.push(keepChild(plan, folders, events));
    process.on('SIGHUP', () => void restartOwn(children));
    if (await waitUntilReady(folders.socket, shutdown)) sayUp(config, setupToken, say);
    else if (!shutdown.aborted)
      say(`Hawser is not ready after ${readyLimitMs / 1000} s: hawser doctor says why`);
    await untilAborted(shutdown);
  } finally {
    say('stopping');
    await stopAll(children);
  }
}

/** The one-time token of a first owner while there are no users; null afterwards. */
async function prepareLedger(file: string, masters: MasterKeys): Promise<string | null> {
  await using ledger = await openLedger(file, masters);
  if (await hasUsers(ledger.db)) return null;
  return (await createClaim(ledger.db, { purpose: 'setup', userId: null, actor: 'setup' })).token;
}

function sayUp({ url }: Config, setupToken: string | null, say: (line: string) => void): void {
  say(`Hawser is up: ${url}`);
  if (setupToken === null) return;
  say('There are no users yet. Within 60 minutes, once, the first owner is made with');
  say(`hawser setup ${url} and the token ${setupToken}`);
}

/** Those that take work end first, then what they use. */
async function stopAll(children: readonly Child[]): Promise<void> {
  const own = children.filter((child) => isOwn(child.name));
  await Promise.all(own.map((child) => child.stop()));
  await Promise.all(children.filter((child) => !own.includes(child)).map((child) => child.stop()));
}

/** The server and its workers read the config anew; what serves the apps is left alone. */
async function restartOwn(children: readonly Child[]): Promise<void> {
  await Promise.all(children.filter((child) => isOwn(child.name)).map((child) => child.restart()));
}

async function restartPart(children: readonly Child[], name: string): Promise<void> {
  await children.find((child) => child.name === name)?.restart();
}

function isOwn(name: string): boolean {
  return name === 'server' || name.startsWith('worker');
}

async function planChildren(
  config: Config,
  folders: Folders,
  { env, say }: Pick<UpOptions, 'env' | 'say'>,
): Promise<ChildPlan[]> {
  const plans: ChildPlan[] = [];
  const part = (name: string, rest: Pick<ChildPlan, 'file' | 'argv'> & Partial<ChildPlan>) =>
    plans.push({ name, env, adopt: true, channel: false, ...rest });
  const own = (name: string, ...argv: string[]) =>
    part(name, {
      file: process.execPath,
      argv: () => [main, ...argv, '--config', config.file],
      adopt: false,
      channel: true,
    });
  if (config.redis === 'embedded')
    part('redis', { file: 'redis-server', argv: () => redisArguments(folders) });
  if (config.registry === 'embedded') {
    const port = await keepLoopbackPort(join(folders.run, 'registry.port'));
    const { file, argv, configFile } = await prepareEmbeddedRegistry({ folder: folders.registry, port });
    const prepare = (signal: AbortSignal) =>
      collectIfOrdered({ folder: folders.registry, configFile, env, signal, say });
    part('registry', { file, argv: () => argv, prepare });
  }
  const haproxy = haproxyProcess({ folder: folders.loadBalancer, listen: config.loadBalancer.listen });
  part('load-balancer', { file: haproxy.file, argv: () => haproxy.argv, prepare: haproxy.prepare });
  own('server', 'server');
  own('worker-build', 'worker', '--role', 'build');
  // Together, so that they share one connection to each server.
  own('worker-rollout', 'worker', '--role', 'rollout', '--role', 'upkeep');
  return plans;
}

/** On a socket for this user alone; every answered write is on disk, and nothing is ever evicted. */
function redisArguments(folders: Folders): string[] {
  return Object.entries({
    '--port': '0',
    '--unixsocket': folders.redisSocket,
    '--unixsocketperm': '600',
    '--dir': folders.redis,
    '--appendonly': 'yes',
    '--appendfsync': 'always',
    '--maxmemory-policy': 'noeviction',
    '--save': '',
    '--daemonize': 'no',
  }).flat();
}

/** Asked by the socket, which opens last and needs no certificate. */
async function waitUntilReady(socketPath: string, shutdown: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + readyLimitMs;
  while (performance.now() < deadline && !shutdown.aborted) {
    if (await isReady(socketPath)) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

function isReady(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ socketPath, path: '/readyz', agent: false, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
  });
}
