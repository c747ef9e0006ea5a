import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeployWorld } from '../test/support/deploy-world.ts';
import type { LoadReport } from '../test/support/load.ts';
import { makeRepository } from '../test/support/repository.ts';
import { type MachineFacts, readMachineFacts } from './support/machine-facts.ts';
import { type FleetSizes, onFleet, readFleetSizes } from './support/on-fleet.ts';
import { saveTables } from './support/save.ts';
import { formatTable, medianOf } from './support/statistics.ts';

const example = join(import.meta.dirname, '..', 'examples', 'hello');
const app = 'bench';
const production = `${app}.localhost`;
// What is promoted was tested before: one test of the app's own runs in the image of every push.
const checks = {
  'app.json': JSON.stringify({ environments: { test: { scripts: { test: 'node --test' } } } }),
  'server.test.js': "require('node:test')('adds', () => require('node:assert').equal(1 + 1, 2));\n",
};
// What the generator on the same two cores can send without being late itself.
const rate = 300;
const rolloutsUnderLoad = 20;
const config = {
  environments: {
    staging: { branches: ['main'] },
    production: { branches: ['release'], promoteFrom: 'staging' },
  },
};

/** Times in ms, of whole commands as a person waits for them. */
type Measured = {
  readonly servers: number;
  readonly push: readonly number[];
  readonly promote: readonly number[];
  readonly rollback: readonly number[];
};

type UnderLoad = {
  readonly servers: number;
  readonly rollouts: number;
  readonly seconds: number;
  readonly idle: LoadReport;
  readonly during: LoadReport;
};

/** Promotion and rollback on fleets of several sizes, and the load balancer during many rollouts in a row. */
export async function measureRollouts(
  sizes: FleetSizes,
): Promise<{ readonly times: readonly Measured[]; readonly load: UnderLoad }> {
  const times: Measured[] = [];
  for (const servers of sizes.servers) {
    const one = await onFleet(servers, (world) => measureTimes(world, sizes.rounds), config);
    console.log(formatTimes([one]));
    times.push(one);
  }
  const load = await onFleet(3, measureUnderLoad, config);
  console.log(formatLoad(load));
  return { times, load };
}

async function measureTimes(world: DeployWorld, rounds: number): Promise<Measured> {
  await using repository = await makeRepository(example);
  await repository.commit(checks);
  const servers = world.fleet.servers.length;
  const measured = { servers, push: [] as number[], promote: [] as number[], rollback: [] as number[] };
  // The first round fills caches and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    await repository.commit({ 'round.txt': `${round}\n` });
    const push = await timeOf(async () => {
      const { code, stderr } = await repository.push(world.hawser.remote(app));
      if (code !== 0) throw new Error(stderr);
    });
    const promote = await timeOf(() =>
      hawser(world, 'promote', '-a', app, '--from', 'staging', '--to', 'production', '--yes'),
    );
    if (round === 0) continue;
    const rollback = await timeOf(() => hawser(world, 'rollback', '-a', app, '-e', 'production'));
    measured.push.push(push);
    measured.promote.push(promote);
    measured.rollback.push(rollback);
  }
  return measured;
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

async function hawser(world: DeployWorld, ...argv: string[]): Promise<void> {
  const { code, stderr } = await world.hawser.cli(...argv);
  if (code !== 0) throw new Error(`hawser ${argv.join(' ')} ended with ${code}: ${stderr}`);
}

/** Rollbacks from one release to the other and back: nothing but rollouts. */
async function measureUnderLoad(world: DeployWorld): Promise<UnderLoad> {
  await using repository = await makeRepository(example);
  for (const round of [1, 2]) {
    await repository.commit({ 'round.txt': `${round}\n` });
    const { code, stderr } = await repository.push(world.hawser.remote(app), {
      refspec: 'HEAD:refs/heads/release',
    });
    if (code !== 0) throw new Error(stderr);
  }
  const idle = await world.loadWhile(production, () => pause(10_000), rate);
  const begin = performance.now();
  const { report } = await world.loadWhile(
    production,
    async () => {
      for (let round = 1; round <= rolloutsUnderLoad; round += 1) {
        await hawser(world, 'rollback', `v${round}`, '-a', app, '-e', 'production');
      }
    },
    rate,
  );
  const seconds = (performance.now() - begin) / 1000;
  return { servers: 3, rollouts: rolloutsUnderLoad, seconds, idle: idle.report, during: report };
}

function formatTimes(times: readonly Measured[]): string {
  const head = ['servers', 'push to staging (ms)', 'promote (ms)', 'of a push', 'rollback (ms)', 'of a push'];
  return formatTable(
    head,
    times.map(({ servers, push, promote, rollback }) => {
      const [whole, promoted, back] = [push, promote, rollback].map(medianOf) as [number, number, number];
      const share = (part: number) => (part / whole).toFixed(2);
      return [
        servers,
        Math.round(whole),
        Math.round(promoted),
        share(promoted),
        Math.round(back),
        share(back),
      ];
    }),
  );
}

function formatLoad({ servers, rollouts, seconds, idle, during }: UnderLoad): string {
  const row = (when: string, report: LoadReport, took: number) => [
    when,
    report.sent,
    Math.round(report.sent / took),
    report.p50.toFixed(1),
    report.p99.toFixed(1),
    report.failed.length,
  ];
  return formatTable(
    [`${servers} servers`, 'requests', 'requests a second', 'p50 (ms)', 'p99 (ms)', 'failed'],
    [row('nothing else', idle, 10), row(`${rollouts} rollouts in a row`, during, seconds)],
  );
}

/** Writes bench/results/rollout.json and the tables in docs/benchmarks.md. */
export async function saveRollouts(
  facts: MachineFacts,
  measured: Awaited<ReturnType<typeof measureRollouts>>,
): Promise<void> {
  const tables = `${formatTimes(measured.times)}\n${formatLoad(measured.load)}`;
  await saveTables('rollout', { facts, measured }, tables);
}

if (import.meta.main) {
  const sizes = readFleetSizes();
  const facts = await readMachineFacts();
  const measured = await measureRollouts(sizes);
  if (sizes.save) await saveRollouts(facts, measured);
}
