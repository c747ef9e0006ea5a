import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askEngine, untilAnswered } from '../../src/fleet/ask.ts';
import { openFleet } from '../../src/fleet/fleet.ts';
import { observeFleet } from '../../src/fleet/observe.ts';
import { openEngine } from '../support/engine.ts';
import { openSshd } from '../support/sshd.ts';

const signal = AbortSignal.timeout(300_000);

async function openPlace(t: TestContext, dockerSocket?: string, settings: readonly string[] = []) {
  const sshd = await openSshd(t, 'app1', settings);
  const fleet = openFleet({
    readServers: () => ({ app1: sshd.server }),
    findPin: () => sshd.fingerprint,
    readIdentity: async () => sshd.identity,
    dockerSocket,
    log: () => {},
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  return { sshd, fleet, connection: await fleet.connect('app1', signal) };
}

test('a login shell that talks or runs nothing keeps nobody from the engine', async (t) => {
  const shells = {
    talking: 'echo "Welcome! 1 2 3 4% of 5"; eval "$SSH_ORIGINAL_COMMAND"',
    closed: 'echo "This account is currently not available."; exit 1',
    silent: '/bin/false',
  };
  for (const [kind, command] of Object.entries(shells)) {
    const { connection } = await openPlace(t, undefined, [`ForceCommand ${command}`]);
    assert.equal(String(await connection.docker.ping()), 'OK', kind);
    const space = await connection.diskSpace(signal);
    const runsNothing = ['closed', 'silent'].includes(kind);
    assert.equal(space === null, runsNothing, `${kind}: ${JSON.stringify(space)}`);
    if (space !== null) assert.ok(space.freeBytes > 1_000_000 && space.totalBytes > space.freeBytes, kind);
  }
});

test('a killed engine gives clean errors, and the same connection has it again when it is back', async (t) => {
  const engine = await openEngine(t);
  const { connection, fleet, sshd } = await openPlace(t, engine.socket);
  const { docker } = connection;
  await docker.ping();
  const waiting = askEngine({ connection, what: 'wait for a container', signal }, async () => {
    const events = (await docker.getEvents()) as NodeJS.ReadableStream;
    events.resume();
    await once(events, 'close');
    throw Object.assign(new Error('the stream ended'), { code: 'ECONNRESET' });
  });
  const lost = assert.rejects(waiting, { code: 'docker_lost' });
  await engine.kill();
  await lost;
  await assert.rejects(
    askEngine({ connection, what: 'ping', signal }, () => docker.ping()),
    (error: Error) => {
      assert.ok(
        ['server_no_docker', 'docker_lost'].includes((error as Error & { code: string }).code),
        error.message,
      );
      assert.match(error.message, /app1/);
      return true;
    },
  );
  const [seen] = await observeFleet(fleet, ['app1'], {}, signal);
  assert.ok(seen && !seen.reachable);
  assert.match(seen.reason, /app1 .*the Docker engine does not answer/);
  assert.equal(connection.closed.aborted, false);
  let tries = 0;
  const answered = untilAnswered(connection, signal, async () => {
    tries += 1;
    if (tries === 1)
      throw await failureOf(
        askEngine({ connection, what: 'ping', signal, deadlineMs: 0 }, () => docker.ping()),
      );
    return await askEngine({ connection, what: 'ping', signal }, () => docker.ping());
  });
  await engine.start();
  await answered;
  assert.ok(tries > 1);
  assert.equal(sshd.countConnections(), 1);
});

test('an engine that comes back while the server is asked why it was gone is not told as a refused forwarding', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-back-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [gone, back] = [join(folder, 'docker.sock'), join(folder, 'back.sock')];
  await writeFile(gone, '');
  await symlink('/var/run/docker.sock', back);
  // The last question of all begins with the engine's return.
  const returning = `case "$SSH_ORIGINAL_COMMAND" in *version*) mv -f ${back} ${gone};; esac`;
  const { connection } = await openPlace(t, gone, [
    `ForceCommand ${returning}; eval "$SSH_ORIGINAL_COMMAND"`,
  ]);
  await assert.rejects(
    askEngine({ connection, what: 'ping', signal }, () => connection.docker.ping()),
    { code: 'server_no_docker', message: /the Docker engine does not answer/ },
  );
  const answer = await askEngine({ connection, what: 'ping', signal }, () => connection.docker.ping());
  assert.equal(String(answer), 'OK');
});

test('an engine that hangs is given up after 15 s, and the server is a value', async (t) => {
  const engine = await openEngine(t);
  const { fleet } = await openPlace(t, engine.socket);
  engine.signal('SIGSTOP');
  const begin = performance.now();
  const [seen] = await observeFleet(fleet, ['app1', 'app1'], {}, signal);
  assert.ok(seen && !seen.reachable);
  assert.match(seen.reason, /did not answer within 15 s/);
  // Nobody else would give it up; the rest is for a machine that has other work.
  assert.ok(performance.now() - begin < 60_000);
});

test('a peer that went silent is noticed, and all that waited for it is told', async (t) => {
  const { sshd, connection } = await openPlace(t);
  await connection.docker.ping();
  sshd.freezeSessions();
  const begin = performance.now();
  await assert.rejects(
    askEngine({ connection, what: 'ping', signal }, () => connection.docker.ping()),
    { code: 'docker_lost', message: /ping on app1.*Keepalive timeout/ },
  );
  const took = performance.now() - begin;
  // Its keepalives give it up after 12 s, the kernel would after minutes; the rest is for a machine that has other work.
  assert.ok(took < 60_000, `${took} ms`);
  assert.equal(connection.closed.aborted, true);
  t.diagnostic(`noticed after ${Math.round(took)} ms`);
});

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => assert.fail('it was meant to fail'),
    (error: Error) => error,
  );
}
