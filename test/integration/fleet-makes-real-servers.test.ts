import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { makeBaseImages } from '../../src/setup/base-images.ts';
import { docker, listContainers, removeAll } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { openFleet, type TestFleet, type TestServer } from '../support/fleet.ts';
import { runProgram, tryProgram } from '../support/program.ts';

let fleet: TestFleet;

before(async () => {
  fleet = await openFleet({ servers: 3 });
});
after(() => fleet.close());

function ssh(server: TestServer, ...command: string[]): Promise<string> {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'ConnectTimeout=2',
    'BatchMode=yes',
  ];
  return runProgram('ssh', [
    ...['-q', '-F', 'none', '-i', server.identity, '-p', String(server.sshPort)],
    ...options.flatMap((option) => ['-o', option]),
    `${server.user}@${server.address}`,
    ...command,
  ]);
}

async function canConnect(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 500 });
  socket.once('connect', () => resolve(true));
  socket.once('timeout', () => resolve(false));
  socket.once('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

async function serve(server: TestServer, text: string): Promise<string> {
  await makeBaseImages(['busybox'], { engine: server.dockerHost });
  const serve = `mkdir -p /w && echo ${text} >/w/index.html && exec httpd -f -p 8000 -h /w`;
  const options = ['--init', '--restart', 'always', '-p', `${server.address}:18000:8000`];
  await docker(server, 'run', '-d', '--name', text, ...options, 'hawser-base/busybox', 'sh', '-c', serve);
  return `http://${server.address}:18000/`;
}

async function read(url: string): Promise<string> {
  return (await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).text()).trim();
}

test('who logs in by ssh reaches that server and its own engine', async () => {
  const seen = await Promise.all(
    fleet.servers.map(async (server) => ({
      name: (await ssh(server, 'cat /proc/sys/kernel/hostname')).trim(),
      engine: (await ssh(server, 'docker info --format {{.ID}}/{{.Name}}')).trim(),
    })),
  );
  assert.deepEqual(
    seen.map(({ name }) => name),
    ['app1', 'app2', 'app3'],
  );
  assert.equal(new Set(seen.map(({ engine }) => engine.split('/')[0])).size, 3);
  assert.deepEqual(
    seen.map(({ engine }) => engine.split('/')[1]),
    ['app1', 'app2', 'app3'],
  );
});

test('the socket forwarded by ssh is the own engine', async (t) => {
  const server = fleet.server('app2');
  t.after(() => removeAll(server));
  await makeBaseImages(['busybox'], { engine: server.dockerHost });
  await docker(server, 'create', '--name', 'only-here', 'hawser-base/busybox', 'true');
  const socket = `${fleet.folder}/forwarded.sock`;
  const forward = ['-M', '-S', `${fleet.folder}/control`, '-f', '-N', '-L', `${socket}:/var/run/docker.sock`];
  const to = ['-q', '-F', 'none', '-i', server.identity, '-o', 'StrictHostKeyChecking=no'];
  const target = ['-o', 'UserKnownHostsFile=/dev/null', `root@${server.address}`];
  const master = ['-o', 'ControlPersist=30', ...forward, ...to, ...target];
  await runProgram('sh', ['-c', '"$@" >/dev/null 2>&1 </dev/null', 'sh', 'ssh', ...master]);
  t.after(() => tryProgram('ssh', ['-S', `${fleet.folder}/control`, '-O', 'exit', server.address]));
  const found = await listContainers({ dockerHost: `unix://${socket}` });
  assert.deepEqual(
    found.map(({ name, state }) => ({ name, state })),
    [{ name: 'only-here', state: 'created' }],
  );
});

test('the printed host key is the one that sshd shows', async () => {
  for (const server of fleet.servers) {
    const scanned = await runProgram('ssh-keyscan', ['-t', 'ed25519', server.address]);
    const print = await runProgram('ssh-keygen', ['-l', '-f', '-'], { stdin: scanned });
    assert.match(server.hostKey, /^SHA256:/);
    assert.ok(print.includes(server.hostKey), print);
  }
});

test('a published port is reached from the control machine, the world is not reached from the server', async (t) => {
  const server = fleet.server('app1');
  t.after(() => removeAll(server));
  const url = await serve(server, 'hello');
  assert.equal(await eventually(() => read(url)), 'hello');
  const [container] = await listContainers(server);
  assert.equal(container?.state, 'running');
  assert.match(await fleet.server('app2').run('busybox', ['wget', '-qO-', url]), /hello/);
  const routes = await server.run('ip', ['route']);
  assert.doesNotMatch(routes, /default/);
  await assert.rejects(server.run('busybox', ['nc', '-w', '2', '192.0.2.2', '22']), /unreachable/);
});

test('a partition cuts the server off without a word, healing brings it back', async () => {
  const server = fleet.server('app3');
  assert.equal(await canConnect(server.address, 22), true);
  await server.partition();
  assert.equal(await canConnect(server.address, 22), false);
  assert.equal(await docker(server, 'info', '--format', '{{.Name}}'), 'app3', 'its engine lives');
  await server.heal();
  await eventually(() => canConnect(server.address, 22));
});

test('a killed engine leaves ssh and containers alive and starts again', async (t) => {
  const server = fleet.server('app1');
  t.after(() => removeAll(server));
  const url = await serve(server, 'survivor');
  assert.equal(await eventually(() => read(url)), 'survivor');
  await server.killDocker();
  assert.equal(server.dockerPid(), undefined);
  await assert.rejects(docker(server, 'ps'));
  assert.equal((await ssh(server, 'echo alive')).trim(), 'alive');
  await server.startDocker();
  assert.equal(await eventually(() => read(url)), 'survivor');
});

test('a frozen engine accepts and does not answer', async () => {
  const server = fleet.server('app2');
  server.pauseDocker();
  const asked = docker(server, 'ps').then(() => 'answered');
  assert.equal(
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 500, 'silent'))]),
    'silent',
  );
  server.resumeDocker();
  assert.equal(await asked, 'answered');
});

test('killing ssh ends its sessions too', async () => {
  const server = fleet.server('app2');
  const session = ssh(server, 'echo in; exec sleep 60').catch((error: Error) => error.message);
  await eventually(() => server.run('pgrep', ['-x', 'sleep']));
  await server.killSsh();
  assert.match(String(await session), /ended with 255/);
  assert.equal(await canConnect(server.address, 22), false);
  await server.startSsh();
  assert.equal((await ssh(server, 'echo again')).trim(), 'again');
});

test('a power cut ends everything, the disk and the host key stay', async (t) => {
  const server = fleet.server('app3');
  t.after(() => removeAll(server));
  const url = await serve(server, 'rebooted');
  assert.equal(await eventually(() => read(url)), 'rebooted');
  await server.powerOff();
  assert.equal(await canConnect(server.address, 22), false);
  await assert.rejects(docker(server, 'ps'));
  await server.powerOn();
  assert.equal(await eventually(() => read(url)), 'rebooted');
  const scanned = await runProgram('ssh-keyscan', ['-t', 'ed25519', server.address]);
  assert.ok((await runProgram('ssh-keygen', ['-l', '-f', '-'], { stdin: scanned })).includes(server.hostKey));
});

test('a closed fleet leaves nothing, beside another that goes on', async () => {
  const second = await openFleet({ servers: 1, name: 'other' });
  const bridge = (await runProgram('ip', ['-o', 'addr', 'show', 'to', second.address])).split(/\s+/)[1] ?? '';
  const pids = [second.server('other1').dockerPid() ?? 0, second.server('other1').sshPid() ?? 0];
  assert.notEqual(second.subnet, fleet.subnet);
  await second.close();
  assert.equal(existsSync(second.folder), false);
  assert.equal(await tryProgram('ip', ['link', 'show', bridge]), undefined);
  assert.ok(!(await runProgram('ip', ['-o', 'link'])).includes(`${bridge}v`));
  assert.ok(!(await runProgram('iptables', ['-w', '10', '-S', 'FORWARD'])).includes(`${bridge} `));
  assert.ok(!(await runProgram('cat', ['/proc/self/mounts'])).includes(second.folder));
  for (const pid of pids) assert.equal(existsSync(`/proc/${pid}`), false);
  assert.equal(await canConnect(fleet.server('app1').address, 22), true);
});

test('what a killed test process left is gone when the next fleet opens', async () => {
  const script = `
    import { openFleet } from ${JSON.stringify(new URL('../support/fleet.ts', import.meta.url).href)};
    const fleet = await openFleet({ servers: 1 });
    console.log(fleet.folder, fleet.server('app1').dockerPid());
    process.kill(process.pid, 'SIGKILL');`;
  const child = ['--input-type=module-typescript', '--eval', script];
  const output = await runProgram('sh', ['-c', '"$@"; true', 'sh', process.execPath, ...child]);
  const [folder = '', pid = ''] = output.trim().split(' ');
  assert.ok(existsSync(folder), 'a SIGKILL leaves the folder');
  await eventually(() => !existsSync(`/proc/${pid}`));
  await using next = await openFleet({ servers: 0 });
  assert.ok(next.folder === folder || !existsSync(folder));
  assert.equal(existsSync(`${folder}/app1`), false);
});
