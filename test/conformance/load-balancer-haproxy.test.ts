import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathsIn } from '../../src/route/load-balancers/config-file.ts';
import { writeSaved } from '../../src/route/load-balancers/folder.ts';
import { haproxyProcess, openHaproxy } from '../../src/route/load-balancers/haproxy.ts';
import { observeTable } from '../../src/route/load-balancers/perform.ts';
import { listWorkers } from '../../src/route/load-balancers/runtime.ts';
import { eventually } from '../support/eventually.ts';
import { testClients } from './load-balancer-clients-suite.ts';
import { findFreePort } from './load-balancer-parts.ts';
import { type Subject, testLoadBalancer } from './load-balancer-suite.ts';

const log = { debug() {}, warn() {} };

async function startHaproxy(t: TestContext): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const options = { folder, listen: { host: '127.0.0.1', port }, log };
  const paths = pathsIn(folder);
  const program = haproxyProcess(options);
  let child: ChildProcess;
  const run = async () => {
    await program.prepare();
    child = spawn(program.file, program.argv, { stdio: 'ignore' });
  };
  await run();
  t.after(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  });
  const open = () => openHaproxy(options);
  await using first = open();
  await eventually(() => first.isReady(), { intervalMs: 10 });
  return {
    port,
    open,
    async killAndRestart() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await run();
    },
    async snapshot() {
      const [worker] = await listWorkers(paths);
      if (worker === undefined) throw new Error('no worker');
      const { sections, routes, notices, slots } = await observeTable(paths, worker);
      const rows = [...sections.values()].flat().map(({ id, state, weight }) => ({ id, state, weight }));
      return {
        slots,
        rows,
        routes: [...routes],
        notices: [...notices],
        file: await readFile(paths.config, 'utf8'),
      };
    },
  };
}

test('haproxy: a supervisor and workers that write its config at once leave it whole', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const listen = { host: '127.0.0.1', port: await findFreePort() };
  const program = haproxyProcess({ folder, listen });
  const paths = pathsIn(folder);
  await program.prepare();
  const left = join(folder, 'haproxy.cfg.0badf00d.new');
  await writeFile(left, 'begun by one that was killed');
  await utimes(left, 0, 0);
  const writers = Array.from({ length: 8 }, (_, at) =>
    writeSaved({ table: { services: [] }, slots: 64 * (at + 1) }, { paths, listen }),
  );
  // Each is checked by HAProxy itself before it takes the place of the last one.
  await Promise.all([...writers, program.prepare()]);
  const names = await readdir(folder);
  assert.deepEqual(
    names.filter((name) => name.endsWith('.new')),
    [],
  );
});

testLoadBalancer('haproxy', startHaproxy);
testClients('haproxy', startHaproxy);
