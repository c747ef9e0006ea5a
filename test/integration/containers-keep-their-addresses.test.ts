import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { containerSpec } from '../../src/fleet/container.ts';
import { openFleet as connectFleet, type Fleet, type ServerConnection } from '../../src/fleet/fleet.ts';
import { startContainer } from '../../src/fleet/perform.ts';
import { choosePort } from '../../src/rollout/port.ts';
import { makeBaseImages } from '../../src/setup/base-images.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { openFleet, type TestFleet, type TestServer } from '../support/fleet.ts';

const signal = AbortSignal.timeout(300_000);
const startMs = 20_000;
const answerMs = 5_000;
const app = 'shop';
const ports = new Set<number>();

let ground: TestFleet;
let server: TestServer;
let fleet: Fleet;

before(async () => {
  ground = await openFleet({ servers: 1 });
  server = ground.server('app1');
  await makeBaseImages(['busybox'], { engine: server.dockerHost });
  const { address, sshPort: port, user, identity, hostKey } = server;
  fleet = connectFleet({
    readServers: () => ({
      app1: {
        name: 'app1',
        kind: 'ssh',
        host: address,
        port,
        user,
        address,
        identity,
        hostKey,
        via: null,
        roles: [],
      },
    }),
    findPin: () => hostKey,
    readIdentity: (path) => readFile(path),
    log: () => {},
  });
});
after(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await ground?.close();
});

function webOf(index: number) {
  const hostPort = choosePort(ports, Math.random());
  ports.add(hostPort);
  const publish = { address: server.address, hostPort, containerPort: 5000 };
  return containerSpec({
    wanted: {
      ...{ server: 'app1', name: `${app}-production-v1-web-${index}`, app, env: 'production' },
      ...{ release: 1, process: 'web', index, port: 5000 },
    },
    image: 'hawser-base/busybox',
    process: {
      type: 'web',
      command: ['sh', '-c', `mkdir /w; echo ${index} > /w/index.html; exec httpd -f -p $PORT -h /w`],
      quantity: 1,
    },
    config: {},
    resources: { memory: 64 * 1024 * 1024, cpus: 0.5, pids: 64 },
    publish,
    ...{ deploy: 1, epoch: 1, restart: 'always' as const, stopTimeoutMs: 1_000 },
  });
}

type Web = ReturnType<typeof webOf>;

/** Several times, each with a new question for who has the address: of two that answer it, either may be first. */
async function assertAnswers(webs: readonly Web[]): Promise<void> {
  for (let round = 1; round <= 10; round += 1) {
    await server.run('ip', ['neighbour', 'flush', 'all']);
    for (const [index, { HostConfig }] of webs.entries()) {
      const [[binding] = []] = Object.values((HostConfig?.PortBindings ?? {}) as Bindings);
      const url = `http://${binding?.HostIp}:${binding?.HostPort}/`;
      const read = async () => (await fetch(url, { signal: AbortSignal.timeout(answerMs) })).text();
      const body = await (round === 1 ? eventually(read, { timeoutMs: startMs }) : read());
      assert.equal(body.trim(), String(index + 1), url);
    }
  }
}

type Bindings = Record<string, { HostIp: string; HostPort: string }[]>;

/** Where the runtime below the engine writes down that it made a container's first process. */
function tasksOf(): string {
  const folder = 'run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby';
  return join('/proc', String(server.dockerPid()), 'root', folder);
}

function listTasks(): string[] {
  const folder = tasksOf();
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => existsSync(join(folder, name, 'init.pid')));
}

/** Kills the engine when the first process of the next container is made and has not begun its command. */
async function killInTheMiddleOfAStart(connection: ServerConnection, web: Web): Promise<void> {
  const before = new Set(listTasks());
  const starting = startContainer(connection, web, signal);
  while (listTasks().every((id) => before.has(id))) {
    signal.throwIfAborted();
    await turn();
  }
  await server.killDocker();
  await server.startDocker();
  await starting;
}

/** Addresses of those whose first process waits for a word to begin that nobody will give. */
async function listHalfStarted(): Promise<string[]> {
  const pids = listTasks().map((id) => readFileSync(join(tasksOf(), id, 'init.pid'), 'utf8'));
  const waiting = pids.filter((pid) => readCommand(pid).startsWith('runc\0init'));
  const show = ['--net', '--', 'ip', '-json', '-4', 'address', 'show', 'eth0'];
  const answers = await Promise.all(waiting.map((pid) => server.run('nsenter', ['--target', pid, ...show])));
  return answers.flatMap((json) =>
    JSON.parse(json)[0].addr_info.map((info: { local: string }) => info.local),
  );
}

function readCommand(pid: string): string {
  const file = join('/proc', String(server.dockerPid()), 'root/proc', pid, 'cmdline');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function listAddresses(connection: ServerConnection): Promise<string[]> {
  const { Containers } = await connection.docker.getNetwork(`hawser-${app}-production`).inspect();
  return Object.values(Containers ?? {}).map(({ IPv4Address }) => IPv4Address.split('/')[0] ?? '');
}

test('what an engine that was killed leaves half started takes no address from a container of ours', async (t) => {
  const connection = await fleet.connect('app1', signal);
  const first = webOf(1);
  const webs = [first];
  await startContainer(connection, first, signal);
  let halfStarted: string[] = [];
  for (let tries = 1; halfStarted.length === 0 && tries <= 10; tries += 1) {
    const web = webOf(webs.length + 1);
    webs.push(web);
    await killInTheMiddleOfAStart(connection, web);
    halfStarted = await listHalfStarted();
  }
  assert.ok(halfStarted.length > 0, 'each start was over before the engine was killed');
  t.diagnostic(`half started after ${webs.length - 1} tries`);
  await assertAnswers(webs);
  const next = webOf(webs.length + 1);
  await startContainer(connection, next, signal);
  await assertAnswers([...webs, next]);
  await server.killDocker();
  await server.startDocker();
  await assertAnswers([...webs, next]);
  const addresses = await listAddresses(connection);
  assert.equal(addresses.length, webs.length + 1);
  for (const address of await listHalfStarted()) assert.ok(!addresses.includes(address), address);
});

test('a network that the engine has laid out by itself is laid out anew while it is empty', async () => {
  const connection = await fleet.connect('app1', signal);
  const spec = { ...webOf(1), name: 'shop-staging-v1-web-1' };
  const staged = {
    ...spec,
    Labels: { ...spec.Labels, 'hawser.env': 'staging' },
    HostConfig: { ...spec.HostConfig, NetworkMode: 'hawser-shop-staging' },
  };
  await docker(server, 'network', 'create', 'hawser-shop-staging');
  await startContainer(connection, staged, signal);
  const { NetworkSettings } = await connection.docker.getContainer(staged.name).inspect();
  const chosen = NetworkSettings.Networks['hawser-shop-staging'];
  assert.ok(chosen?.IPAMConfig && 'IPv4Address' in chosen.IPAMConfig);
  assert.equal(chosen.IPAMConfig.IPv4Address, chosen.IPAddress);
});
