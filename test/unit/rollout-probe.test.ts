import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ExitState } from '../../src/fleet/container.ts';
import { probeContainer } from '../../src/rollout/probe.ts';

const never = new AbortController().signal;
const health = { path: '/up', intervalMs: 10, timeoutMs: 30_000, healthy: 2, deadlineMs: 60_000 };
// For what never becomes healthy: long enough for a first answer on a slow machine.
const short = { ...health, deadlineMs: 1_000 };
const running = async () => null;
const exit: ExitState = {
  exitCode: 3,
  oomKilled: false,
  restarts: 0,
  error: '',
  reason: 'exited with code 3',
};

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('enough good answers in a row are healthy; a bad one between them begins again', async (t) => {
  const statuses = [500, 200, 503, 204, 302, 200];
  let asked = 0;
  const address = await serve(t, (request, response) => {
    assert.equal(request.url, '/up');
    response.writeHead(statuses[asked++] ?? 200, { location: 'http://127.0.0.1:1/' }).end();
  });
  const result = await probeContainer({ address, health, isRunning: running, signal: never });
  assert.equal(result.healthy, true);
  assert.equal(asked, 5);
});

test('an app that is up soon is not kept waiting by a long interval, one that is not is asked less and less', async (t) => {
  const times: number[] = [];
  const address = await serve(t, (_, response) => {
    times.push(performance.now());
    response.writeHead(times.length < 5 ? 500 : 200).end();
  });
  const slow = { ...health, intervalMs: 30_000 };
  const result = await probeContainer({ address, health: slow, isRunning: running, signal: never });
  assert.equal(result.healthy, true);
  assert.equal(times.length, 6);
  assert.ok(result.ms < slow.intervalMs);
  // 25, 37, 56 and 84 ms.
  assert.ok((times[4] ?? 0) - (times[0] ?? 0) > 150, String(times));
});

test('the interval is the longest pause', async (t) => {
  let asked = 0;
  const address = await serve(t, (_, response) => {
    asked += 1;
    response.writeHead(500).end();
  });
  await probeContainer({ address, health: short, isRunning: running, signal: never });
  // Without it there would be eight or nine.
  assert.ok(asked > 12, `${asked} times in 1 s with an interval of 10 ms`);
});

test('the reason says what was seen last', async (t) => {
  const address = await serve(t, (_, response) => {
    response.writeHead(500).end(`\u001b[31mboom\n${'x'.repeat(1000)}`);
  });
  const result = await probeContainer({ address, health: short, isRunning: running, signal: never });
  assert.ok(!result.healthy);
  assert.match(result.reason, /^answered 500 on \/up: \[31mboom x{100,200} for 1 s$/);
});

test('no answer and no listener have their own words', async (t) => {
  const address = await serve(t, () => {});
  const impatient = { ...short, timeoutMs: 200 };
  const silent = await probeContainer({ address, health: impatient, isRunning: running, signal: never });
  assert.ok(!silent.healthy);
  assert.match(silent.reason, /^gave no answer within [\d.]+ s on \/up/);
  const refused = await probeContainer({
    address: '127.0.0.1:1',
    health: short,
    isRunning: running,
    signal: never,
  });
  assert.ok(!refused.healthy);
  assert.match(refused.reason, /^refused connections for 1 s$/);
});

test('what is not HTTP is not healthy', async (t) => {
  const server = createTcpServer((socket) => {
    // The probe leaves at the first wrong byte.
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-hello\r\n');
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const result = await probeContainer({ address, health: short, isRunning: running, signal: never });
  assert.ok(!result.healthy);
  assert.match(result.reason, /^did not answer in HTTP/);
});

test('a container that ended is not waited for', async () => {
  const result = await probeContainer({
    address: '127.0.0.1:1',
    health,
    isRunning: async () => exit,
    signal: never,
  });
  assert.ok(!result.healthy);
  assert.equal(result.reason, 'exited with code 3');
  assert.ok(result.ms < health.deadlineMs / 2);
});

test('a death that is reported ends the probe in the middle of a request', async (t) => {
  const address = await serve(t, () => died.abort());
  const died = new AbortController();
  const isRunning = async () => (died.signal.aborted ? exit : null);
  const result = await probeContainer({
    address,
    health,
    isRunning,
    died: died.signal,
    signal: never,
  });
  assert.ok(!result.healthy);
  assert.equal(result.exit, exit);
});

test('a watch that was lost does not spin and does not condemn', async (t) => {
  let asked = 0;
  const address = await serve(t, (_, response) => {
    asked += 1;
    response.end();
  });
  const died = AbortSignal.abort();
  const result = await probeContainer({ address, health, isRunning: running, died, signal: never });
  assert.equal(result.healthy, true);
  assert.equal(asked, 2);
});

test('an abort rejects with its reason', async (t) => {
  const stop = new AbortController();
  const address = await serve(t, () => stop.abort(new Error('stop it')));
  await assert.rejects(
    probeContainer({ address, health, isRunning: running, signal: stop.signal }),
    /stop it/,
  );
});
