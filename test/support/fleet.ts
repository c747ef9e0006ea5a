import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openTestServer, type TestServer } from './fleet-server.ts';
import { run, runQuietly } from './run.ts';

export type TestFleet = {
  readonly servers: readonly TestServer[];
  /** Entries for `servers` of a deploy.config.json. */
  readonly config: Readonly<Record<string, object>>;
  /** An address of this machine that its servers reach. */
  readonly gateway: string;
  readonly folder: string;
  close(): Promise<void>;
};

const root = '/var/tmp/hawser-fleets';

/**
 * Real servers on this machine, each a network namespace with an sshd and a Docker engine, on a bridge of their
 * own. Needs root. What fleets of dead test processes left is removed first.
 */
export async function openFleet({ servers: count }: { servers: number }): Promise<TestFleet> {
  await sweepFleets();
  const net = await takeSubnet();
  const { folder, id } = net;
  const gateway = `10.${net.a}.${net.b}.1`;
  const bridge = `hw${id}`;
  const opened: TestServer[] = [];
  const close = async () => {
    await Promise.all(opened.map((server) => server.close()));
    await removeFleet(folder, id);
  };
  try {
    await makeBridge(bridge, gateway);
    const identity = join(folder, 'id_ed25519');
    await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', identity);
    const made = Array.from({ length: count }, (_, index) =>
      openTestServer({
        name: `app${index + 1}`,
        folder: join(folder, `${id}-${index + 1}`),
        namespace: `hw${id}-${index + 1}`,
        link: `hw${id}v${index + 1}`,
        bridge,
        address: `10.${net.a}.${net.b}.${index + 10}`,
        gateway,
        identity,
      }).then((server) => opened.push(server)),
    );
    const failed = (await Promise.allSettled(made)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  } catch (error) {
    await close();
    throw error;
  }
  const servers = opened.sort((one, other) => one.name.localeCompare(other.name));
  return { servers, gateway, folder, config: Object.fromEntries(servers.map(toConfig)), close };
}

function toConfig(server: TestServer): [string, object] {
  const { name, user, address, identity, hostKey } = server;
  return [name, { ssh: `${user}@${address}`, identity, hostKey, address }];
}

async function makeBridge(bridge: string, gateway: string): Promise<void> {
  await run('ip', 'link', 'add', bridge, 'type', 'bridge');
  await run('ip', 'addr', 'add', `${gateway}/24`, 'dev', bridge);
  await run('ip', 'link', 'set', bridge, 'up');
  await run('iptables', '-I', 'FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT');
}

type Subnet = { readonly id: string; readonly a: number; readonly b: number; readonly folder: string };

/** A folder is the claim on a subnet: making it is atomic, and it tells whose it is. */
async function takeSubnet(): Promise<Subnet> {
  await mkdir(root, { recursive: true });
  for (let tries = 0; tries < 100; tries += 1) {
    const [a, b] = [randomInt(100, 200), randomInt(0, 256)];
    const id = a.toString(16).padStart(2, '0') + b.toString(16).padStart(2, '0');
    const folder = join(root, id);
    if (existsSync(`/sys/class/net/hw${id}`)) continue;
    const made = await mkdir(folder).then(
      () => true,
      () => false,
    );
    if (!made) continue;
    await writeFile(join(folder, 'owner'), `${process.pid} ${await startOf(process.pid)}`);
    return { id, a, b, folder };
  }
  throw new Error('no free subnet for a fleet');
}

/** Removes fleets whose test process is gone: it was killed before it could clean up. */
async function sweepFleets(): Promise<void> {
  for (const id of await readdir(root).catch(() => [])) {
    const owner = await readFile(join(root, id, 'owner'), 'utf8').catch(() => '');
    const [pid, start] = owner.split(' ');
    if (!pid || (await startOf(Number(pid))) === start) continue;
    await removeFleet(join(root, id), id);
  }
}

async function removeFleet(folder: string, id: string): Promise<void> {
  const bridge = `hw${id}`;
  const names = (await run('ip', 'netns', 'list')).split('\n').map((line) => line.split(' ')[0] ?? '');
  for (const name of names.filter((candidate) => candidate.startsWith(`${bridge}-`))) {
    const pids = (await run('ip', 'netns', 'pids', name)).split('\n').filter(Boolean);
    for (const pid of pids) await runQuietly('kill', '-9', pid);
    await runQuietly('ip', 'netns', 'del', name);
  }
  await runQuietly('iptables', '-D', 'FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT');
  await runQuietly('ip', 'link', 'del', bridge);
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}
