import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { makeRepository } from '../support/repository.ts';

// Of the load's own agent.
const pool = 64;

test('the load counts answers, failures and connections as the server saw them', async (t) => {
  const seen = { requests: 0, connections: 0, broken: 0 };
  const server = createServer((request, response) => {
    seen.requests++;
    if (seen.requests % 50 === 0) {
      seen.broken++;
      request.socket.destroy();
    } else response.end(request.headers.host);
  });
  server.on('connection', () => seen.connections++);
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const load = await startLoad({ url: `http://127.0.0.1:${port}/`, host: 'shop.test', rate: 200 });
  await eventually(() => seen.requests > 300);
  const report = await load.stop();
  assert.equal(report.sent, seen.requests);
  assert.equal(report.failed.length, seen.broken);
  assert.equal(report.ok, seen.requests - seen.broken);
  assert.deepEqual([...report.byBody], [['shop.test', report.ok]]);
  assert.ok(seen.connections >= report.sent * 0.5, `${seen.connections} connections`);
  // The other half shares the connections of its pool, of which there are no more than are on their way at once.
  assert.ok(seen.connections <= report.sent * 0.5 + pool + seen.broken, `${seen.connections} connections`);
  assert.ok(seen.connections < report.sent, `${seen.connections} connections`);
  assert.ok(report.p50 > 0 && report.p99 >= report.p50);
});

test('a repository pushes an app, and a refused push is an answer', async (t) => {
  const target = await makeRepository('hello');
  t.after(() => target[Symbol.asyncDispose]());
  await target.git('checkout', '-q', '-b', 'elsewhere');
  const repository = await makeRepository('hello', { files: { 'version.txt': 'two\n' } });
  t.after(() => repository[Symbol.asyncDispose]());
  const forced = await repository.push(target.dir, { refspec: '+main:main' });
  assert.equal(forced.code, 0, forced.stderr);
  assert.equal(await target.git('show', 'main:version.txt'), 'two');
  const id = await repository.commit({ 'version.txt': 'three\n', 'index.html': null });
  assert.equal(id, await repository.git('rev-parse', 'main'));
  const refused = await repository.push(target.dir, { refspec: 'main:elsewhere' });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /rejected/);
});
