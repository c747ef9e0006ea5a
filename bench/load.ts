import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openJournals } from '../src/log/journal.ts';
import { openLedger } from '../src/store/database.ts';
import { openHawser, type TestHawser } from '../test/support/hawser.ts';
import { hideNothing } from '../test/support/hide-nothing.ts';
import { mastersOf } from '../test/support/master-key.ts';
import { makeRepository, type Repository } from '../test/support/repository.ts';
import { type Loaded, saveLoad, summarizeLoad } from './support/load-report.ts';
import { readMachineFacts } from './support/machine-facts.ts';
import { preparePush, sendPush } from './support/raw-push.ts';

export type LoadSize = {
  readonly apps: number;
  readonly pushes: number;
  /** Pushes a second, and for how many seconds. */
  readonly rate: number;
  readonly seconds: number;
  readonly followers: number;
  readonly requests: number;
};

const linesPerSecond = 10;
const followSeconds = 10;
const requestSeconds = 15;
const inFlight = 50;

// Nothing here is about a builder: the file is refused by it at once, and the pushes are not waited for.
const files = { Dockerfile: 'FROM scratch\nNOTHING\n' };
const example = 'answers-500';
const limits = {
  diskFloor: '100m',
  requests: { address: 1_000_000, credential: 1_000_000 },
  user: { pushes: 100_000, deploys: 100_000, apps: 1_000 },
};

/** Pushes, followers and requests against one server of default settings but for the limits of one user. */
export async function measureLoad(size: LoadSize): Promise<readonly Loaded[]> {
  const hawser = await openHawser({ limits });
  try {
    for (let n = 0; n < size.apps; n += 1) await ask(hawser, 'POST', '/apps', { name: `load${n}` });
    const measured = [
      ...(await measureWaves(hawser, size)),
      await measureRequests(hawser, size.requests),
      await measureFollowers(hawser, size.followers),
    ];
    for (const one of measured) console.log(one);
    return measured;
  } finally {
    await hawser.close();
  }
}

/** First as people push, then without their programs. */
async function measureWaves(hawser: TestHawser, size: LoadSize): Promise<readonly Loaded[]> {
  const { pushes, rate, seconds } = size;
  const measured: Loaded[] = [];
  for (const by of ['git', 'one process'] as const) {
    const waves = [
      { name: `${pushes} pushes at once, by ${by}`, gapMs: 0, count: pushes, by },
      { name: `${rate} a second for ${seconds} s, by ${by}`, gapMs: 1000 / rate, count: rate * seconds, by },
    ];
    for (const wave of waves) measured.push(await measurePushes(hawser, size, wave));
  }
  return measured;
}

type Wave = {
  readonly name: string;
  readonly gapMs: number;
  readonly count: number;
  /** Each by a git of its own, or all by this process, which leaves more of the machine to the server. */
  readonly by: 'git' | 'one process';
};

/** Each push is of a commit of its own, to the apps in turn; taken when the client is told so and the ledger has it. */
async function measurePushes(hawser: TestHawser, size: LoadSize, wave: Wave): Promise<Loaded> {
  await using clients = await openClients(wave);
  const before = await countDeploys(hawser);
  const times: number[] = [];
  const began = performance.now();
  const push = async (n: number) => {
    const start = performance.now();
    if (await clients.push(n, hawser.remote(`load${n % size.apps}`))) times.push(performance.now() - start);
  };
  const running: Promise<void>[] = [];
  for (let n = 0; n < wave.count; n += 1) {
    running.push(push(n));
    if (wave.gapMs > 0) await pause(Math.max(0, began + n * wave.gapMs - performance.now()));
  }
  await Promise.all(running);
  const seconds = (performance.now() - began) / 1000;
  const recorded = (await countDeploys(hawser)) - before;
  const lost = Math.max(0, times.length - recorded);
  return summarizeLoad(wave.name, {
    asked: wave.count,
    times,
    lost,
    seconds,
    megabytes: await memoryOf(hawser),
  });
}

type Clients = AsyncDisposable & { push(n: number, remote: string): Promise<boolean> };

async function openClients({ by, count }: Wave): Promise<Clients> {
  if (by === 'one process') {
    const agent = new Agent({ keepAlive: true });
    const pushes = Array.from({ length: count }, (_, n) => preparePush(files, `push ${n}`));
    return {
      push: (n, remote) => sendPush(remote, pushes[n] as Buffer, agent),
      [Symbol.asyncDispose]: async () => agent.destroy(),
    };
  }
  const repositories = await Promise.all(
    Array.from({ length: Math.min(count, 20) }, () => makeRepository(example, { files })),
  );
  return {
    async push(n, remote) {
      const repository = repositories[n % repositories.length] as Repository;
      const branch = `${await commitOf(repository)}:refs/heads/main`;
      return (await runGit(repository.dir, ['push', '-q', '-o', 'no-wait', remote, branch])) === 0;
    },
    async [Symbol.asyncDispose]() {
      for (const repository of repositories) await repository[Symbol.asyncDispose]();
    },
  };
}

/** A commit that no other push has, made without the working tree. */
async function commitOf({ dir }: Repository): Promise<string> {
  const words = ['commit-tree', 'HEAD^{tree}', '-m', `${Math.random()}`];
  const child = spawn('git', ['-C', dir, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return text.trim();
}

async function runGit(dir: string, words: readonly string[]): Promise<number | null> {
  const child = spawn('git', ['-C', dir, ...words], { stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

async function measureRequests(hawser: TestHawser, perSecond: number): Promise<Loaded> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const paths = ['/deploys?limit=20', '/apps/load0', '/installation', '/apps/load0/config?env=production'];
  const times: number[] = [];
  const count = perSecond * requestSeconds;
  const began = performance.now();
  let next = 0;
  const read = async () => {
    for (let n = next++; n < count; n = next++) {
      await pause(Math.max(0, began + (n * 1000) / perSecond - performance.now()));
      const start = performance.now();
      const response = await open(hawser, paths[n % paths.length] ?? '', agent);
      response.resume();
      await once(response, 'end');
      if (response.statusCode === 200) times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, read));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  const name = `${perSecond} API requests a second`;
  return summarizeLoad(name, { asked: count, times, lost: 0, seconds, megabytes: await memoryOf(hawser) });
}

/** Every follower must get every line; its time is from the writing of a line to its coming. */
async function measureFollowers(hawser: TestHawser, count: number): Promise<Loaded> {
  const id = await holdDeploy(hawser);
  const times: number[] = [];
  const responses = await Promise.all(
    Array.from({ length: count }, () => open(hawser, `/deploys/${id}/log`, new Agent(), 'text/event-stream')),
  );
  for (const response of responses) {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      const now = performance.now();
      for (const match of chunk.matchAll(/sent at ([\d.]+)/g)) times.push(now - Number(match[1]));
    });
    response.on('error', () => undefined);
  }
  const journals = openJournals(join(hawser.data, 'journals'), 50 * 1024 ** 2, hideNothing);
  const began = performance.now();
  await using journal = await journals.write(id);
  const lines = linesPerSecond * followSeconds;
  for (let n = 0; n < lines; n += 1) {
    journal.detail(`line ${n} sent at ${performance.now()}`);
    await pause(1000 / linesPerSecond);
  }
  const megabytes = await memoryOf(hawser);
  for (let more = 0; more < 100 && times.length < lines * count; more += 1) await pause(100);
  const seconds = (performance.now() - began) / 1000;
  for (const response of responses) response.destroy();
  const asked = lines * count;
  const name = `${count} log followers, ${linesPerSecond} lines a second`;
  return summarizeLoad(name, { asked, times, lost: asked - times.length, seconds, megabytes });
}

/** A deploy that waits for a person, so that its log has no end. */
async function holdDeploy(hawser: TestHawser): Promise<number> {
  const file = join(hawser.data, 'ledger.db');
  const { db, [Symbol.asyncDispose]: close } = await openLedger(file, mastersOf(file));
  const row = await db.selectFrom('deploys').select('id').orderBy('id', 'desc').executeTakeFirstOrThrow();
  const held = { state: 'releasing' as const, hold: 'approval' as const, ended_at: null };
  await db.updateTable('deploys').set(held).where('id', '=', row.id).execute();
  await close();
  return row.id;
}

async function countDeploys(hawser: TestHawser): Promise<number> {
  const file = join(hawser.data, 'ledger.db');
  const { db, [Symbol.asyncDispose]: close } = await openLedger(file, mastersOf(file));
  const { count } = await db
    .selectFrom('deploys')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  await close();
  return count;
}

async function open(hawser: TestHawser, path: string, agent: Agent, accept = 'application/json') {
  const headers = { authorization: `Bearer ${hawser.token}`, accept };
  const asked = get(`${hawser.url}/api/v1${path}`, { headers, agent });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

async function ask(hawser: TestHawser, method: string, path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${hawser.token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${hawser.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
}

async function memoryOf(hawser: TestHawser): Promise<number> {
  const status = await readFile(`/proc/${await hawser.pidOf('serving')}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

export const wholeLoad: LoadSize = {
  ...{ apps: 50, pushes: 200, rate: 20, seconds: 60, followers: 2_000, requests: 2_000 },
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: { part: { type: 'string', default: '1' }, save: { type: 'boolean', default: false } },
  });
  const shrink = (value: number) => Math.max(1, Math.round(value * Number(values.part)));
  const size = Object.fromEntries(Object.entries(wholeLoad).map(([key, value]) => [key, shrink(value)]));
  const measured = await measureLoad(size as LoadSize);
  if (values.save) await saveLoad(await readMachineFacts(), measured);
}
