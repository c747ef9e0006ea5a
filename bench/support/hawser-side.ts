import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openLedger } from '../../src/store/database.ts';
import { listSteps } from '../../src/store/steps.ts';
import type { DeployWorld } from '../../test/support/deploy-world.ts';
import { eventually } from '../../test/support/eventually.ts';
import { mastersOf } from '../../test/support/master-key.ts';
import { makeRepository, type Repository } from '../../test/support/repository.ts';
import type { Contender, Run } from './run.ts';
import { type Moment, slowestServer, spansOf, type TimedLine } from './timeline.ts';
import { watchPage } from './watch-page.ts';

const app = 'bench';
const limitMs = 120_000;

/** `git push` to Hawser, with the defaults of deploy.config.json. */
export async function openHawserSide(world: DeployWorld, example: string): Promise<Contender> {
  const repository = await makeRepository(example);
  const packageJson = await readFile(join(repository.dir, 'package.json'), 'utf8');
  return {
    name: 'Hawser',
    async deploy(version) {
      await repository.commit({
        'package.json': packageJson.replace(/"version": "[^"]*"/, `"version": "${version}"`),
      });
      const run = await push(world, repository, version);
      await eventually(async () => (await world.containersOf(app)).length === world.fleet.servers.length, {
        timeoutMs: 60_000,
      });
      return run;
    },
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}

async function push(world: DeployWorld, repository: Repository, version: string): Promise<Run> {
  const { hawser } = world;
  const page = { ...hawser.edge, domain: `${app}.localhost`, path: '/facts.json' };
  const stop = new AbortController();
  const begin = performance.now();
  const first = watchPage(page, `"${version}"`, AbortSignal.any([stop.signal, AbortSignal.timeout(limitMs)]));
  try {
    const lines = await runPush(repository.dir, hawser.remote(app));
    const end = performance.now();
    const firstMs = (await first) - begin;
    const beginAt = performance.timeOrigin + begin;
    const moments = await readMoments(join(hawser.data, 'ledger.db'));
    const switchedMs = (moments.find(({ name }) => name === 'recorded as live')?.at ?? Number.NaN) - beginAt;
    const spans = spansOf(beginAt, [
      ...moments,
      { name: 'git push ended', at: performance.timeOrigin + end },
    ]);
    const liveMs = Math.max(firstMs, switchedMs);
    return { firstMs, liveMs, endMs: end - begin, spans: { ...spans, ...slowestServer(lines) } };
  } finally {
    stop.abort();
    await first.catch(() => undefined);
  }
}

/** Throws with what git printed when the push was refused. */
async function runPush(cwd: string, url: string): Promise<readonly TimedLine[]> {
  const child = spawn('git', ['push', '--', url, 'main'], { cwd, stdio: ['ignore', 'inherit', 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const lines: TimedLine[] = [];
  for await (const line of createInterface({ input: child.stderr }))
    lines.push({ at: performance.now(), line });
  const [code] = await ended;
  if (code !== 0)
    throw new Error(`git push ended with ${code}:\n${lines.map(({ line }) => line).join('\n')}`);
  return lines;
}

/** What the ledger says of the newest deploy. */
async function readMoments(file: string): Promise<readonly Moment[]> {
  await using ledger = await openLedger(file, mastersOf(file));
  const deploy = await ledger.db
    .selectFrom('deploys')
    .selectAll()
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  const steps = await listSteps(ledger.db, deploy.id);
  const times = [
    ['received and recorded', deploy.created_at],
    ['taken by the build lane', deploy.started_at],
    ...steps.flatMap((step) => [
      [`begin of ${step.name}`, step.begun_at],
      [step.name, step.ended_at],
    ]),
    ['recorded as live', deploy.switched_at],
  ] as const;
  return times.flatMap(([name, at]) => (name && at ? [{ name, at: Date.parse(at) }] : []));
}
