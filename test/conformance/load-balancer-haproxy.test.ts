import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathsIn } from '../../src/route/load-balancers/config-file.ts';
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

testLoadBalancer('haproxy', startHaproxy);
testClients('haproxy', startHaproxy);
