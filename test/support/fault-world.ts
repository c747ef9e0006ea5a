import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeBaseImages } from '../../src/setup/base-images.ts';
import { type Checked, openLedgerFile, type SeenPush } from './checker.ts';
import { eventually } from './eventually.ts';
import { openFleet, type TestFleet } from './fleet.ts';
import { type Ground, openHawser, type TestHawser } from './hawser.ts';
import { freezeOutsideTransactions, isGone, thaw } from './process-state.ts';
import { runProgram } from './program.ts';

/** Where a deploy can be hit, in the order in which it gets there. */
export const steps = [
  'queued',
  'building',
  'publishing',
  'releasing',
  'preparing',
  'between-switches',
  'switched',
  'reverting',
] as const;
export type Step = (typeof steps)[number];

export type RunningPush = {
  readonly commit: string;
  readonly output: () => string;
  /** Exit code, once git has ended. */
  readonly done: Promise<number | null>;
};

export type FaultWorldOptions = {
  /** The default is 2. */
  readonly servers?: number;
  /** An app that builds and starts at once; otherwise it is slow enough to be seen in every step. */
  readonly quick?: boolean;
  readonly ground?: Ground;
};

/** What a change brings: a release command, tests of its own, an app that does not start; options of the push. */
export type PushContent = {
  readonly release?: boolean;
  readonly checked?: boolean;
  readonly broken?: boolean;
  readonly app?: string;
  readonly options?: readonly string[];
};

/** Some servers, one installation, one app. */
export type FaultWorld = {
  readonly fleet: TestFleet;
  readonly hawser: TestHawser;
  readonly app: string;
  readonly domain: string;
  readonly pushes: SeenPush[];
  /** Commits a change and pushes it. */
  push(how?: PushContent): Promise<RunningPush>;
  /** Pushes the same commit once more. */
  pushAgain(commit: string, app?: string): RunningPush;
  /** Resolves when the deploy of the commit is seen in the step; throws once it went past it. */
  waitForStep(commit: string, step: Step): Promise<void>;
  /** Kills Redis and removes everything that it had written. */
  emptyRedis(): Promise<void>;
  /** Nothing is built until what it answers is called; the supervisor does not mind for 20 s. */
  holdBuilds(): Promise<() => void>;
  /** The last deploy of a commit, as the ledger has it. */
  readDeploy(commit: string): DeployRow | undefined;
  /** The whole world as the checker wants it. */
  checked(): Checked;
  close(): Promise<void>;
};

export type DeployRow = {
  readonly id: number;
  readonly state: string;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly switched_at: string | null;
  readonly ended_at: string | null;
  /** Backends in rotation of this deploy's release, and of all. */
  readonly mine: number;
  readonly routed: number;
  /** Runs of its release command that were begun. */
  readonly commands: number;
};

const serve = (seconds: number) => `sleep ${seconds}; exec busybox httpd -f -p "$PORT" -h /app/www\n`;
const dockerfile = (seconds: number) => `FROM hawser-base/busybox
WORKDIR /app
COPY . .
RUN sleep ${seconds}
CMD ["sh", "serve.sh"]
`;
const procfile = (seconds: number) => `web: sh serve.sh
release: sleep ${seconds}; echo "migrated by $(cat /proc/sys/kernel/random/uuid)"
`;

const tested = { environments: { test: { scripts: { test: 'true' } } } };

const rollout = {
  first: 1,
  batch: 1,
  health: { interval: '100ms', deadline: '20s' },
  drain: '3s',
  stopTimeout: '3s',
};
const stepLimitMs = 120_000;

export async function openFaultWorld(
  app: string,
  { servers = 2, quick = false, ground = {} }: FaultWorldOptions = {},
): Promise<FaultWorld> {
  const pause = quick ? 0 : 1;
  await makeBaseImages(['busybox']);
  const folder = await mkdtemp(join(tmpdir(), 'hawser-fault-'));
  const fleet = await openFleet({ servers });
  const environments = { production: { branches: ['main'], rollout } };
  const hawser = await openHawser({ servers: fleet.config, environments }, ground).catch(async (error) => {
    await fleet.close();
    throw error;
  });
  const git = (...argv: string[]) => runProgram('git', ['-C', folder, ...argv], { env: gitEnv(folder) });
  await git('init', '-q', '-b', 'main');
  await mkdir(join(folder, 'www'));
  await writeFile(join(folder, 'serve.sh'), serve(pause));
  await writeFile(join(folder, 'Dockerfile'), dockerfile(pause));
  const pushes: SeenPush[] = [];
  const markers = new Map<string, string>();
  const broken = new Set<string>();
  let count = 0;

  function pushAgain(commit: string, to = app, options: readonly string[] = []): RunningPush {
    const values = options.flatMap((value) => ['-o', value]);
    const argv = ['-C', folder, 'push', ...values, hawser.remote(to), `${commit}:refs/heads/main`];
    const child = spawn('git', argv, { env: gitEnv(folder), stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => chunks.push(String(chunk)));
    const done = once(child, 'close').then(([code]) => {
      const seen = { commit, code, output: chunks.join(''), broken: broken.has(commit) };
      if (to === app) pushes.push({ ...seen, queued: options.includes('no-wait') });
      return code as number | null;
    });
    return { commit, output: () => chunks.join(''), done };
  }

  return {
    fleet,
    hawser,
    app,
    domain: `${app}.localhost`,
    pushes,
    pushAgain,
    async push({ release = false, checked = false, broken: fails = false, app: to, options } = {}) {
      count += 1;
      await writeFile(join(folder, 'www', 'index.html'), `body ${count}\n`);
      await writeFile(
        join(folder, 'Procfile'),
        release ? procfile(pause) : `web: ${fails ? 'sh gone.sh' : 'sh serve.sh'}\n`,
      );
      await writeFile(join(folder, 'app.json'), JSON.stringify(checked ? tested : {}));
      await git('add', '--all');
      await git('commit', '-q', '-m', `change ${count}`);
      const commit = (await git('rev-parse', 'HEAD')).trim();
      markers.set(commit, `body ${count}`);
      if (fails) broken.add(commit);
      // The next change of a branch that was refused goes on from what is there.
      return pushAgain(commit, to, options);
    },
    waitForStep: (commit, step) => waitForStep(hawser.data, commit, step),
    emptyRedis: () => emptyRedis(hawser),
    holdBuilds: () => holdBuilds(hawser),
    readDeploy: (commit) => readDeploy(hawser.data, commit),
    checked: () => ({
      data: hawser.data,
      servers: fleet.servers,
      builder: { dockerHost: 'unix:///var/run/docker.sock' },
      app,
      env: 'production',
      branch: 'refs/heads/main',
      containers: servers,
      ask: () => hawser.fetch(`${app}.localhost`),
      bodyOf: (commit) => markers.get(commit) ?? `no body of ${commit}`,
      pushes,
      secrets: [hawser.token],
    }),
    async close() {
      await hawser.close();
      await fleet.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The supervisor stands still meanwhile, or it would start Redis again on what is being removed. */
async function emptyRedis(hawser: TestHawser): Promise<void> {
  // One that was just killed has no process for a moment.
  const supervisor = await eventually(async () => {
    const pid = await hawser.pidOf('up');
    process.kill(pid, 'SIGSTOP');
    return pid;
  });
  try {
    const redis = await hawser.pidOf('redis');
    if (!isGone(redis)) process.kill(redis, 'SIGKILL');
    const folder = join(hawser.data, 'redis');
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
  } finally {
    process.kill(supervisor, 'SIGCONT');
  }
}

async function holdBuilds(hawser: TestHawser): Promise<() => void> {
  const worker = await hawser.pidOf('worker-build');
  await freezeOutsideTransactions(worker, hawser.data);
  return () => thaw(worker);
}

function gitEnv(folder: string): NodeJS.ProcessEnv {
  const who = { NAME: 'Test', EMAIL: 'test@localhost' };
  return {
    PATH: process.env.PATH,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...Object.fromEntries(
      Object.entries(who).flatMap(([key, value]) => [
        [`GIT_AUTHOR_${key}`, value],
        [`GIT_COMMITTER_${key}`, value],
      ]),
    ),
  };
}

const deploySql = `
  select d.id, d.state, d.failure_code, d.failure_message, d.switched_at, d.ended_at,
         (select count(*) from backends b join containers c on c.name = b.name and c.server = b.server
           where b.environment_id = d.environment_id and c.release_id = d.release_id) as mine,
         (select count(*) from backends b where b.environment_id = d.environment_id) as routed,
         (select count(*) from steps p where p.deploy_id = d.id and p.name = 'release-command') as commands
    from deploys d join sources s on s.id = d.source_id
   where s.commit_oid = ? order by d.id desc limit 1`;

function readDeploy(data: string, commit: string): DeployRow | undefined {
  using ledger = openLedgerFile(data);
  return ledger.all(deploySql, commit)[0] as DeployRow | undefined;
}

/** Looks as fast as it can: some steps last for milliseconds only. */
async function waitForStep(data: string, commit: string, step: Step): Promise<void> {
  using ledger = openLedgerFile(data);
  const deadline = performance.now() + stepLimitMs;
  while (performance.now() < deadline) {
    const row = ledger.all(deploySql, commit)[0] as DeployRow | undefined;
    const now = row === undefined ? undefined : stepOf(row);
    if (now === step) return;
    if (row?.ended_at || (now && steps.indexOf(now) > steps.indexOf(step)))
      throw new Error(`${step} was missed: ${JSON.stringify(row)}`);
    await wait(2);
  }
  throw new Error(`${step} was not reached within ${stepLimitMs} ms`);
}

function stepOf(row: DeployRow): Step | undefined {
  if (row.failure_code !== null) return 'reverting';
  // Without a release command it passes through that state only.
  if (row.state === 'releasing') return row.commands > 0 ? 'releasing' : undefined;
  if (row.state !== 'rolling_out') return steps.find((step) => step === row.state);
  if (row.switched_at !== null) return 'switched';
  if (row.mine === 0) return 'preparing';
  return row.mine < row.routed ? 'between-switches' : 'switched';
}
