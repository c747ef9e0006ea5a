import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client, type ClientChannel } from 'ssh2';
import { eventually } from '../support/eventually.ts';
import { makeSource } from '../support/receive-world.ts';
import { openSshWorld, type SshWorld, type SshWorldOptions } from '../support/ssh-world.ts';

const patience = { timeoutMs: 60_000 };
const times = { handshakeMs: 5_000, loginMs: 8_000, idleMs: 3_000, keepaliveMs: 15_000 };

async function open(t: TestContext, options: SshWorldOptions = {}) {
  const world = await openSshWorld(t, options);
  await world.makeKey('laptop', ['admin']);
  return world;
}

async function assertAlive(world: SshWorld): Promise<void> {
  const { code, stdout, stderr } = await world.ssh('laptop', []);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /You are "laptop"/);
  assert.deepEqual(
    world.logged.filter((line) => /by a bug/.test(JSON.stringify(line))),
    [],
  );
}

function knock(t: TestContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  t.after(() => socket.destroy());
  return socket.resume();
}

test('who has no key that is known comes in by nothing', async (t) => {
  const world = await open(t);
  world.makeStranger('stranger');
  const refused = async (key: string, options: string[], user = 'git') => {
    const { code, stderr } = await world.ssh(key, [], ['-l', user, ...options]);
    assert.equal(code, 255);
    return stderr;
  };
  assert.match(await refused('stranger', []), /Permission denied \(publickey\)/);
  assert.match(await refused('laptop', ['-o', 'PubkeyAuthentication=no']), /Permission denied \(publickey\)/);
  for (const username of ['root', 'git', 'git\n']) {
    assert.match(await tryLogin(world.port, { username, password: 'x' }), /authentication methods failed/);
  }
  assert.match(await refused('laptop', [], 'root'), /Permission denied \(publickey\)/);
  for (const option of [
    'KexAlgorithms=diffie-hellman-group14-sha1',
    'Ciphers=chacha20-poly1305@openssh.com',
  ]) {
    assert.match(await refused('laptop', ['-o', option]), /no matching|Unable to negotiate/);
  }
  await assertAlive(world);
});

test('tries are counted, and a connection that shows too many keys ends', async (t) => {
  const world = await open(t);
  const names = Array.from({ length: 9 }, (_, index) => `stranger${index}`);
  for (const name of names) world.makeStranger(name);
  const more = names.flatMap((name) => ['-i', join(world.folder, 'keys', name)]);
  const { code, stderr } = await world.ssh('stranger0', [], ['-v', ...more]);
  assert.equal(code, 255);
  assert.ok((stderr.match(/Offering public key/g)?.length ?? 0) <= 7, stderr);
  await assertAlive(world);
});

test('there is no shell, no file transfer, no forwarding, no agent and no environment', async (t) => {
  const world = await open(t);
  const canary = join(world.folder, 'canary');
  const commands = [
    `touch ${canary}`,
    `sh -c 'touch ${canary}'`,
    `$(touch ${canary})`,
    `\`touch ${canary}\``,
    `apps; touch ${canary}`,
    `apps && touch ${canary}`,
    `git-receive-pack 'shop.git; touch ${canary}'`,
    `git-receive-pack '/../../x'`,
    `git-receive-pack 'shop' 'extra'`,
    'git-receive-pack --help',
    'git-receive-pack',
    `git-upload-pack '--upload-pack=touch ${canary}' shop`,
    `git-upload-archive 'shop'`,
    'scp -t /tmp',
    'rsync --server .',
    '/bin/sh',
    'up',
    'worker --role build',
  ];
  for (const command of commands) {
    const { code, stdout } = await world.ssh('laptop', [command]);
    assert.ok(code === 128 || code === 2, `${command}: ${code}`);
    assert.equal(stdout, '', command);
  }
  assert.equal((await world.ssh('laptop', ['sftp'], ['-s'])).code, 255);
  const forward = await world.ssh('laptop', [], ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:1']);
  assert.match(forward.stderr, /forwarding failed|remote port forwarding failed/i);
  assert.equal((await world.ssh('laptop', [], ['-W', `127.0.0.1:${world.port}`])).code, 255);
  const sent = await world.ssh(
    'laptop',
    ['apps'],
    ['-A', '-o', 'SetEnv=NODE_OPTIONS=--version LD_PRELOAD=/x'],
  );
  assert.match(sent.stdout, /^shop\t/);
  assert.equal(sent.code, 0, sent.stderr);
  assert.equal(existsSync(canary), false);
  assert.deepEqual(world.processes(), []);
  await assertAlive(world);
});

test('no option of a command makes it read a file of the server', async (t) => {
  const world = await open(t);
  const secret = join(world.folder, 'secret');
  writeFileSync(secret, 'SENTINEL=value-of-sentinel\n');
  const attempts = [
    `apps --config ${secret}`,
    `apps --config=${secret}`,
    `config:import -a shop ${secret}`,
    `keys:add me ${secret}`,
    `keys:add me /proc/self/environ`,
    `config:import -a shop /etc/passwd`,
  ];
  for (const attempt of attempts) {
    const { code, stdout, stderr } = await world.ssh('laptop', [attempt]);
    assert.equal(code, 2, stderr);
    assert.doesNotMatch(stdout + stderr, /SENTINEL|value-of|root:|hw_/);
  }
});

test('commands run with the rights of the key, take stdin, and end with the key', async (t) => {
  const world = await open(t);
  await world.makeKey('reader', ['read'], world.api.shop.app.id);
  const listed = await world.ssh('reader', ['apps', '--json']);
  assert.deepEqual(
    JSON.parse(listed.stdout).map((app: { name: string }) => app.name),
    ['shop'],
  );
  const denied = await world.ssh('reader', ['users']);
  assert.equal(denied.code, 3, denied.stderr);
  assert.match(denied.stderr, /not_allowed/);
  assert.equal((await world.ssh('laptop', ['nonsense'])).code, 2);
  assert.match((await world.ssh('laptop', ['help'])).stdout, /Usage: hawser/);
  world.makeStranger('friend');
  const line = (await world.ssh('laptop', ['keys:add', "'my friend'", '-'], [], 'ssh-rsa AAAA')).stderr;
  assert.match(line, /key_malformed/);
  assert.deepEqual(world.processes(), []);
});

test('a command ends with its client, however it leaves', async (t) => {
  const world = await open(t);
  const deploy = await world.api.queue();
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const child = world.start('laptop', ['deploys:attach', String(deploy.id)]);
    await eventually(() => world.processes().length === 1, patience);
    child.kill(signal);
    await eventually(() => assert.deepEqual(world.processes(), []) ?? true, patience);
  }
  const key = await world.makeKey('guest', ['logs']);
  const child = world.start('guest', ['deploys:attach', String(deploy.id)]);
  await eventually(() => world.processes().length === 1, patience);
  await world.removeKey(key);
  const [code] = await once(child, 'close');
  assert.notEqual(code, 0);
});

test('noise, cut handshakes and bent packets are survived', async (t) => {
  const world = await open(t, { times, connections: { strangers: 500, perAddress: 500, total: 500 } });
  const source = await makeSource(world.folder, 'source', world.remote());
  const idents = [
    randomBytes(20_000),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('SSH-1.5-old\r\n'),
    Buffer.from('x'.repeat(100_000)),
    Buffer.from('SSH-2.0-x'),
    Buffer.alloc(5_000),
  ];
  const kexes = Array.from({ length: 60 }, (_, at) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE([0, 1, 5, 0xffffffff, 35_000, 0x7fffffff][at % 6] ?? 0);
    return Buffer.concat([
      Buffer.from('SSH-2.0-fuzz\r\n'),
      length,
      Buffer.from([4, 20]),
      randomBytes(at * 40),
    ]);
  });
  const sockets = [...idents, ...kexes].map((bytes) => {
    const socket = knock(t, world.port);
    socket.write(bytes);
    if (bytes.length % 3 === 0) socket.end();
    return socket;
  });
  await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')));
  assert.equal((await world.git('laptop', source, 'push', 'deploy', 'main')).code, 0);
  await assertAlive(world);
});

test('two hundred that say nothing are cut, and keep nobody out', async (t) => {
  const world = await open(t, { times });
  const sockets = Array.from({ length: 200 }, () => knock(t, world.port));
  await eventually(() => sockets.filter((socket) => socket.closed).length >= 190, patience);
  await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')));
  await assertAlive(world);
});

test('one address has its share of the connections, fewer before it has shown a key', async (t) => {
  const world = await open(t, { connections: { strangers: 2, perAddress: 3, total: 100 } });
  const [one, other] = [knock(t, world.port), knock(t, world.port)];
  await Promise.all([one, other].map((socket) => once(socket, 'data')));
  const third = knock(t, world.port);
  await once(third, 'close');
  assert.equal(third.bytesRead, 0);
  one.destroy();
  other.destroy();
  const deploy = await world.api.queue();
  await eventually(async () => (await world.ssh('laptop', [])).code === 0, patience);
  const followers = [];
  for (const count of [1, 2, 3]) {
    const follower = world.start('laptop', ['deploys:attach', String(deploy.id)]);
    t.after(() => follower.kill());
    followers.push(follower);
    await eventually(() => world.processes().length === count, patience);
  }
  assert.equal((await world.ssh('laptop', [])).code, 255);
  followers[0]?.kill('SIGKILL');
  await eventually(async () => (await world.ssh('laptop', [])).code === 0, patience);
});

test('who comes in and does nothing is let go; who runs something is not', async (t) => {
  const world = await open(t, {
    times,
    outcome: () => new Promise((done) => setTimeout(() => done('live'), 6_000)),
  });
  const source = await makeSource(world.folder, 'source', world.remote());
  const pushed = world.git('laptop', source, 'push', 'deploy', 'main');
  const idle = world.start('laptop', [], ['-N']);
  const [code] = await once(idle, 'close');
  assert.equal(code, 255);
  assert.equal((await pushed).code, 0);
});

test('a client that ignores what it is asked for costs no memory and no place', async (t) => {
  const world = await open(t);
  const client = await login(world);
  t.after(() => client.end());
  const channels = await Promise.all(
    Array.from({ length: 14 }, () => exec(client, "git-upload-pack '/shop.git'").catch(() => null)),
  );
  assert.equal(channels.filter((channel) => channel !== null).length, 10);
  client.end();
  await eventually(() => assert.deepEqual(world.processes(), []) ?? true, patience);
  await assertAlive(world);
});

function tryLogin(port: number, how: { username: string; password: string }): Promise<string> {
  return new Promise((resolve) => {
    const client = new Client();
    client.on('ready', () => resolve('came in'));
    client.on('error', (error) => resolve(error.message));
    client.connect({ host: '127.0.0.1', port, ...how });
  });
}

async function login({ port, privateKey }: SshWorld): Promise<Client> {
  const client = new Client().on('error', () => undefined);
  client.connect({ host: '127.0.0.1', port, username: 'git', privateKey: privateKey('laptop') });
  await once(client, 'ready');
  return client;
}

function exec(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}
