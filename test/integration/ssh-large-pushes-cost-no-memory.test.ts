import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type ClientChannel } from 'ssh2';
import { commitFile, makeSource, runClient } from '../support/receive-world.ts';

type Place = {
  readonly port: number;
  readonly remote: string;
  readonly env: Record<string, string>;
  key: string;
};

test('a push and a clone of 200 MB over SSH, and clients that take nothing, leave the memory flat', async (t) => {
  const support = join(import.meta.dirname, '..', 'support', 'ssh-world.ts');
  const script = `const { openSshWorld } = await import(${JSON.stringify(support)});
    const ends = [];
    const world = await openSshWorld({ after: (end) => ends.unshift(end) });
    await world.makeKey('laptop', ['push']);
    process.once('SIGTERM', async () => { for (const end of ends) await end(); process.exit(); });
    const { port } = world;
    const key = String(world.privateKey('laptop'));
    console.log(JSON.stringify({ port, remote: world.remote(), env: world.gitEnv('laptop'), key }));`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    const closed = once(server, 'close');
    server.kill();
    await closed;
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  const place = JSON.parse(line) as Place;
  const folder = await mkdtemp(join(tmpdir(), 'ssh-large-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const source = await makeSource(folder, 'source', place.remote);
  const push = ['-c', 'pack.compression=0', 'push', '-q', 'deploy', 'main'];
  assert.equal((await runClient(source, push, place.env)).code, 0);
  const before = await readPeak(server.pid);
  const measure = async (what: string) => {
    const grown = ((await readPeak(server.pid)) - before) / 2 ** 20;
    t.diagnostic(`${what}: peak grew by ${grown.toFixed(0)} MiB`);
    assert.ok(grown < 90, `${what}: the peak grew by ${grown} MiB`);
  };
  await commitFile(source, 'large', randomBytes(150 * 2 ** 20));
  await commitFile(source, 'more', randomBytes(50 * 2 ** 20));
  const pushed = await runClient(source, push, place.env);
  assert.equal(pushed.code, 0, pushed.output);
  await measure('push');
  assert.equal((await runClient(folder, ['clone', '-q', place.remote, 'clone'], place.env)).code, 0);
  await measure('clone');
  await takeNothing(place);
  await measure('a window without end, and nothing read');
  await sendBeyondWindow(place);
  await measure('more sent than asked for');
});

/** Opens a window of 4 GB for a clone and then reads nothing from the connection. */
async function takeNothing(place: Place): Promise<void> {
  const { client, socket } = await login(place);
  const channel = await exec(client, "git-upload-pack '/shop.git'");
  const [advertised] = (await once(channel, 'data')) as [Buffer];
  const tip = advertised.toString('latin1', 4, 44);
  const inner = client as unknown as { _protocol: { channelWindowAdjust(id: number, by: number): void } };
  const { outgoing } = channel as unknown as { outgoing: { id: number } };
  inner._protocol.channelWindowAdjust(outgoing.id, 0xf0000000);
  const want = `want ${tip}\n`;
  channel.write(`${(want.length + 4).toString(16).padStart(4, '0')}${want}00000009done\n`);
  await pause(100);
  socket.pause();
  await pause(3_000);
  socket.destroy();
}

/** Sends 64 MB to a git that waits for something else, whatever the window says; it is cut. */
async function sendBeyondWindow(place: Place): Promise<void> {
  const { client, socket } = await login(place);
  const channel = await exec(client, "git-receive-pack '/shop.git'");
  const closed = once(socket, 'close');
  (channel as unknown as { outgoing: { window: number } }).outgoing.window = 2 ** 30;
  const packet = Buffer.concat([Buffer.from('fff0'), Buffer.alloc(0xffec, 'x')]);
  for (let sent = 0; sent < 64 * 2 ** 20 && !socket.destroyed; sent += packet.length) {
    if (!channel.write(packet)) await Promise.race([once(channel, 'drain'), closed, pause(50)]);
  }
  socket.destroy();
  await closed;
}

async function login({ port, key }: Place) {
  const client = new Client().on('error', () => undefined);
  const socket = connect(port, '127.0.0.1');
  client.connect({ sock: socket, username: 'git', privateKey: key });
  await once(client, 'ready');
  return { client, socket };
}

function exec(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

/** Most memory that a process ever had, in bytes. */
async function readPeak(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
