import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, type TestContext, test } from 'node:test';
import { containerSpec } from '../../src/fleet/container.ts';
import { type Fleet, openFleet, type ServerConnection } from '../../src/fleet/fleet.ts';
import { followLogs } from '../../src/fleet/logs.ts';
import { removeNetwork } from '../../src/fleet/network.ts';
import { observeFleet } from '../../src/fleet/observe.ts';
import {
  inspectExit,
  readLogs,
  runOnce,
  startContainer,
  stopContainer,
  watchDeath,
} from '../../src/fleet/perform.ts';
import type { Server } from '../../src/model/server.ts';
import { probeContainer } from '../../src/rollout/probe.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort, openSshd, type Sshd } from '../support/sshd.ts';

const signal = AbortSignal.timeout(300_000);
const image = `hawser-test-busybox:${process.pid}`;
const app = `fleettest${process.pid}`;
const runs = { timeoutMs: 60_000, signal, log: () => {} };

before(() => importBusybox(image));
after(() => {
  execFileSync('docker', ['network', 'rm', `hawser-${app}-production`], { stdio: 'ignore' });
  execFileSync('docker', ['rmi', '-f', image], { stdio: 'ignore' });
});

type Place = { readonly sshd: Sshd; readonly fleet: Fleet; readonly connection: ServerConnection };

async function openPlace(
  t: TestContext,
  settings: string[] = [],
  options: Partial<Parameters<typeof openFleet>[0]> = {},
) {
  const sshd = await openSshd(t, 'app1', settings);
  const servers: Record<string, Server> = { app1: sshd.server };
  const fleet = openFleet({
    readServers: () => servers,
    findPin: () => sshd.fingerprint,
    readIdentity: async () => sshd.identity,
    log: () => {},
    ...options,
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  const connection = await fleet.connect('app1', signal);
  return { sshd, fleet, connection } satisfies Place;
}

type Options = Partial<Parameters<typeof containerSpec>[0]> & {
  readonly run?: string;
  readonly index?: number;
};

function specOf({ run = 'sleep 600', index = 1, ...options }: Options = {}) {
  const process = options.publish === undefined ? 'worker' : 'web';
  const wanted = {
    server: 'app1',
    name: `${app}-production-v1-${process}-${index}`,
    app,
    env: 'production',
    release: 1,
    process,
    index,
    port: null,
  };
  return containerSpec({
    wanted,
    image,
    process: { type: process, command: ['sh', '-c', run], quantity: 1 },
    config: { GREETING: 'hello' },
    resources: { memory: 64 * 1024 * 1024, cpus: 0.5, pids: 64 },
    publish: null,
    deploy: 1,
    epoch: 1,
    restart: 'always',
    stopTimeoutMs: 1_000,
    ...options,
  });
}

/** By the engine's own client: after a test its connection may be gone. */
function cleanUp(t: TestContext, name: string): void {
  t.after(() => execFileSync('docker', ['rm', '-fv', name], { stdio: 'ignore' }));
}

test('ten callers share one connection, and one failure', async (t) => {
  const { fleet, sshd } = await openPlace(t);
  const all = await Promise.all(Array.from({ length: 10 }, () => fleet.connect('app1', signal)));
  assert.equal(new Set(all).size, 1);
  await Promise.all(all.map(({ docker }) => docker.ping()));
  assert.equal(sshd.countConnections(), 1);
  await assert.rejects(fleet.connect('app9', signal), { code: 'server_unknown' });
});

test('a connection that died is made again', async (t) => {
  const { fleet, sshd, connection } = await openPlace(t);
  sshd.endSessions();
  await once(connection.closed, 'abort');
  const again = await fleet.connect('app1', signal);
  assert.notEqual(again, connection);
  await again.docker.ping();
  assert.equal(sshd.countConnections(), 2);
});

test('the engine sees the container as the spec has it, reachable only where it is published', async (t) => {
  const { connection, fleet } = await openPlace(t);
  const hostPort = await findFreePort();
  const publish = { address: '127.0.0.1', hostPort, containerPort: 5000 };
  const run = 'mkdir /w; echo ok > /w/index.html; exec httpd -f -p $PORT -h /w';
  const spec = specOf({ run, publish });
  cleanUp(t, spec.name);
  const container = await startContainer(connection, spec, signal);
  assert.equal(container.address, `127.0.0.1:${hostPort}`);
  const {
    HostConfig: host,
    Config: config,
    Mounts,
  } = await connection.docker.getContainer(container.id).inspect();
  assert.equal(host.Privileged, false);
  assert.deepEqual(host.CapDrop, ['ALL']);
  assert.equal(host.CapAdd?.length, 7);
  assert.deepEqual(host.SecurityOpt, ['no-new-privileges']);
  assert.equal(host.PidsLimit, 64);
  assert.equal(host.Memory, 67_108_864);
  assert.equal(host.MemorySwap, 67_108_864);
  assert.equal(host.NanoCpus, 500_000_000);
  assert.equal(host.Init, true);
  assert.equal(host.NetworkMode, `hawser-${app}-production`);
  assert.deepEqual(host.RestartPolicy, { Name: 'always', MaximumRetryCount: 0 });
  assert.deepEqual(host.LogConfig, { Type: 'json-file', Config: { 'max-file': '3', 'max-size': '10m' } });
  assert.deepEqual(host.Binds ?? [], []);
  assert.deepEqual(Mounts, []);
  assert.ok(config.Env.includes('PORT=5000') && config.Env.includes('GREETING=hello'));
  const health = { path: '/', intervalMs: 50, timeoutMs: 10_000, healthy: 2, deadlineMs: 60_000 };
  const isRunning = () => inspectExit(connection, spec.name, signal);
  const probe = await probeContainer({ address: container.address ?? '', health, isRunning, signal });
  assert.equal(probe.healthy, true);
  const [observed] = await observeFleet(fleet, ['app1'], { app, env: 'production' }, signal);
  assert.deepEqual(observed, { server: 'app1', reachable: true, containers: [container] });
});

test('starting twice finds the first; a later epoch replaces it; a stranger of that name is left alone', async (t) => {
  const { connection } = await openPlace(t);
  const spec = specOf({ index: 2 });
  cleanUp(t, spec.name);
  const first = await startContainer(connection, spec, signal);
  assert.deepEqual(await startContainer(connection, spec, signal), first);
  const second = await startContainer(connection, specOf({ index: 2, epoch: 2 }), signal);
  assert.notEqual(second.id, first.id);
  assert.equal(second.epoch, 2);
  const stranger = { Image: image, name: `${app}-production-v1-worker-3`, Cmd: ['sleep', '1'] };
  cleanUp(t, stranger.name);
  const { id } = await connection.docker.createContainer(stranger);
  await assert.rejects(startContainer(connection, specOf({ index: 3 }), signal), { code: 'name_taken' });
  await connection.docker.getContainer(id).inspect();
});

test('a port that is taken and a command that does not exist leave no container behind', async (t) => {
  const { connection } = await openPlace(t);
  const blocker = createServer().listen(0, '127.0.0.1');
  t.after(() => blocker.close());
  await once(blocker, 'listening');
  const { port } = blocker.address() as { port: number };
  const taken = specOf({ index: 4, publish: { address: '127.0.0.1', hostPort: port, containerPort: 5000 } });
  cleanUp(t, taken.name);
  await assert.rejects(startContainer(connection, taken, signal), { code: 'port_taken' });
  await assert.rejects(inspectExit(connection, taken.name, signal), { code: 'container_gone' });
  const process = { type: 'worker', command: ['no-such-program'], quantity: 1 };
  const broken = specOf({ index: 5, process });
  cleanUp(t, broken.name);
  // With an init in front, the container starts and the init says that it cannot find the program.
  await startContainer(connection, broken, signal).catch((error) => {
    assert.equal(error.code, 'container_not_started');
  });
  const missing = specOf({ index: 6, image: 'hawser-test-no-such-image:1' });
  await assert.rejects(startContainer(connection, missing, signal), { code: 'image_missing' });
});

test('an app that ignores SIGTERM is gone after its time, and stopping it again is success', async (t) => {
  const { connection } = await openPlace(t);
  // The engine itself would wait ten minutes.
  const stopTimeoutMs = 600_000;
  const spec = specOf({
    index: 7,
    stopTimeoutMs,
    run: "trap '' TERM; echo up; while true; do sleep 1; done",
  });
  cleanUp(t, spec.name);
  await startContainer(connection, spec, signal);
  await eventually(async () => (await readLogs(connection, spec.name, { tail: 5 }, signal)) === 'up');
  await stopContainer(connection, spec.name, { timeoutMs: 1_000, signal });
  await assert.rejects(inspectExit(connection, spec.name, signal), { code: 'container_gone' });
  await stopContainer(connection, spec.name, { timeoutMs: 1_000, signal });
});

test('the network of an app goes when nobody is in it, and not before', async (t) => {
  const { connection } = await openPlace(t);
  const place = { app, env: 'leaving' };
  const spec = specOf({ index: 13 });
  const leaving = { ...spec, Labels: { ...spec.Labels, 'hawser.env': 'leaving' } };
  const host = { ...spec.HostConfig, NetworkMode: `hawser-${app}-leaving` };
  cleanUp(t, spec.name);
  await startContainer(connection, { ...leaving, HostConfig: host }, signal);
  assert.equal(await removeNetwork(connection, place, signal), false);
  await stopContainer(connection, spec.name, { timeoutMs: 0, signal });
  assert.equal(await removeNetwork(connection, place, signal), true);
  assert.equal(await removeNetwork(connection, place, signal), true);
});

test('a command runs once: its lines and exit code are told, and told again without running again', async (t) => {
  const { connection } = await openPlace(t);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const spec = specOf({ index: 8, restart: 'no', run: 'echo one; echo two >&2; exit 3' });
  cleanUp(t, spec.name);
  const exit = await runOnce(connection, spec, { ...runs, log });
  assert.equal(exit.exitCode, 3);
  assert.deepEqual(lines.sort(), ['one', 'two']);
  const { Id: id } = await connection.docker.getContainer(spec.name).inspect();
  assert.deepEqual(await runOnce(connection, spec, runs), exit);
  assert.equal((await connection.docker.getContainer(spec.name).inspect()).Id, id);
  const slow = specOf({ index: 9, restart: 'no', run: 'exec sleep 600' });
  cleanUp(t, slow.name);
  await assert.rejects(runOnce(connection, slow, { ...runs, timeoutMs: 500 }), { code: 'run_timed_out' });
  assert.notEqual(await inspectExit(connection, slow.name, signal), null);
  const hungry = specOf({ index: 10, restart: 'no', run: 'x=a; while true; do x=$x$x; done' });
  cleanUp(t, hungry.name);
  const killed = await runOnce(connection, hungry, runs);
  assert.equal(killed.oomKilled, true);
  assert.equal(killed.reason, 'ran out of memory');
});

test('a death is known at once, and how it was also when the container runs again', async (t) => {
  const { connection } = await openPlace(t);
  const spec = specOf({
    index: 11,
    run: '[ -e /tmp/been ] && exec sleep 600; touch /tmp/been; sleep 2; exit 4',
  });
  cleanUp(t, spec.name);
  const died = await watchDeath(connection, spec.name, signal);
  await startContainer(connection, spec, signal);
  assert.equal(died.aborted, false);
  await once(died, 'abort');
  await eventually(async () => {
    const { State } = await connection.docker.getContainer(spec.name).inspect();
    return State.Running && !State.Restarting;
  });
  const exit = await inspectExit(connection, spec.name, signal);
  assert.equal(exit?.reason, 'exited with code 4 and was restarted once');
});

test('lines are followed as they come, and an abort ends it quietly', async (t) => {
  const { connection } = await openPlace(t);
  const spec = specOf({ index: 12, run: 'i=0; while true; do echo line $i; i=$((i+1)); sleep 0.05; done' });
  cleanUp(t, spec.name);
  await startContainer(connection, spec, signal);
  const stop = new AbortController();
  const lines: string[] = [];
  let since = '';
  for await (const { line, at } of followLogs(connection, spec.name, { signal: stop.signal })) {
    lines.push(line);
    since = at;
    if (lines.length === 3) stop.abort();
  }
  assert.deepEqual(lines, ['line 0', 'line 1', 'line 2']);
  for await (const { line } of followLogs(connection, spec.name, { since, signal })) {
    assert.equal(line, 'line 3');
    break;
  }
});

test('a server without the socket, without the right to it, or without forwarding says which', async (t) => {
  const none = await openPlace(t, [], { dockerSocket: '/run/hawser-no-such.sock' });
  await assert.rejects(none.connection.docker.ping(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'server_no_docker');
    assert.match(error.message, /app1 .*\/run\/hawser-no-such.sock does not exist/);
    return true;
  });
  const mute = await openPlace(t, ['ForceCommand /bin/false'], { dockerSocket: '/run/hawser-no-such.sock' });
  await assert.rejects(mute.connection.docker.ping(), { code: 'channel_refused' });
  const refused = await openPlace(t, ['AllowStreamLocalForwarding no', 'AllowTcpForwarding no'], {
    registryTarget: { host: '127.0.0.1', port: 1 },
  });
  await assert.rejects(refused.connection.docker.ping(), { code: 'ssh_forwarding_refused' });
  await assert.rejects(refused.connection.registryAddress(), { code: 'ssh_forwarding_refused' });
  const [seen] = await observeFleet(refused.fleet, ['app1'], {}, signal);
  assert.equal(seen?.reachable, false);
});

test("a server's engine pulls by digest from our loopback registry through the connection", async (t) => {
  const registry = await openRegistry(t);
  const local = `127.0.0.1:${registry.port}/${app}:v1`;
  execFileSync('docker', ['tag', image, local]);
  t.after(() => execFileSync('docker', ['rmi', local], { stdio: 'ignore' }));
  const pushed = execFileSync('docker', ['push', local], { encoding: 'utf8' });
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1];
  const registryTarget = { host: '127.0.0.1', port: registry.port };
  const { connection } = await openPlace(t, [], { registryTarget });
  const address = await connection.registryAddress();
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  assert.notEqual(address, `127.0.0.1:${registry.port}`);
  assert.equal(await connection.registryAddress(), address);
  const reference = `${address}/${app}@${digest}`;
  const stream = (await connection.docker.pull(reference)) as Readable;
  t.after(() => execFileSync('docker', ['rmi', reference], { stdio: 'ignore' }));
  await stream.resume().toArray();
  const { RepoDigests } = await connection.docker.getImage(reference).inspect();
  assert.ok(RepoDigests?.includes(reference), String(RepoDigests));
});

/** A registry on a loopback port with its data in a folder that goes away. */
async function openRegistry(t: TestContext): Promise<{ port: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-registry-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const config = join(folder, 'config.yml');
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${folder}/data\n`;
  writeFileSync(config, `version: 0.1\n${storage}http:\n  addr: 127.0.0.1:${port}\n`);
  const child: ChildProcess = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  t.after(() => child.kill());
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
  return { port };
}

/** A base image of busybox alone: sh, sleep, httpd. */
function importBusybox(tag: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-base-'));
  execFileSync('mkdir', ['-p', join(folder, 'bin'), join(folder, 'tmp')]);
  execFileSync('cp', ['/bin/busybox', join(folder, 'bin/busybox')]);
  for (const name of ['sh', 'sleep', 'httpd', 'mkdir', 'echo', 'cat']) {
    symlinkSync('busybox', join(folder, 'bin', name));
  }
  const tar = execFileSync('tar', ['-C', folder, '-cf', '-', '.'], { maxBuffer: 64 * 1024 * 1024 });
  execFileSync('docker', ['import', '-c', 'ENV PATH=/bin', '-', tag], {
    input: tar,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  rmSync(folder, { recursive: true, force: true });
}
