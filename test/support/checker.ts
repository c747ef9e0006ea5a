import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { listContainers } from './docker.ts';
import { eventually } from './eventually.ts';
import { runProgram } from './program.ts';

// Knows nothing of the product's code: it looks at an installation from outside, as an auditor would.

/** What a client saw of a push. */
export type SeenPush = { readonly commit: string; readonly code: number | null };

export type Checked = {
  /** The data folder. */
  readonly data: string;
  /** Engines of every server, and of the machine that builds. */
  readonly servers: readonly { readonly name: string; readonly dockerHost: string }[];
  readonly builder: { readonly dockerHost: string };
  readonly app: string;
  readonly env: string;
  readonly branch: string;
  /** Processes of each release that are to run, in all. */
  readonly containers: number;
  /** What the load balancer answers. */
  ask(): Promise<{ status: number; body: string }>;
  /** What a commit's app answers with. */
  bodyOf(commit: string): string;
  /** Every push so far, oldest first. */
  readonly pushes: readonly SeenPush[];
};

const settleLimitMs = 60_000;
const requests = 6;

/** Asserts, within 60 s, that everything is as it should be after faults have ended. Answers how long it took, in ms. */
export async function checkAll(world: Checked): Promise<number> {
  const begin = performance.now();
  await eventually(
    async () => {
      await checkOnce(world);
      return true;
    },
    { timeoutMs: settleLimitMs, intervalMs: 250 },
  ).catch((error) => {
    throw new Error(`the checker is not content: ${(error.cause as Error)?.message}`, { cause: error.cause });
  });
  return performance.now() - begin;
}

/** One look at everything; throws at the first thing that is not as it should be. */
export async function checkOnce(world: Checked): Promise<void> {
  using ledger = openLedgerFile(world.data);
  const release = checkLedger(ledger, world);
  checkPushes(ledger, world);
  await checkContainers(world, release);
  await checkNetworks(world);
  await checkServing(world, release);
  await checkRefs(ledger, world, release);
}

type CurrentRelease = { id: number; version: number; commit: string; environment: string; app: string };
type Ledger = { all(sql: string, ...values: (string | number)[]): Record<string, unknown>[] } & Disposable;

/** The ledger as any program can read it. */
export function openLedgerFile(data: string): Ledger {
  const file = new DatabaseSync(join(data, 'ledger.db'), { readOnly: true, timeout: 5_000 });
  return {
    all: (sql, ...values) => file.prepare(sql).all(...values),
    [Symbol.dispose]: () => file.close(),
  };
}

/** Every deploy has ended, each end with its reason; one release is current and it was live. */
function checkLedger(ledger: Ledger, { app, env }: Checked): CurrentRelease {
  const open = ledger.all('select id, state from deploys where ended_at is null');
  assert.deepEqual(open, [], 'deploys that have not ended');
  const untold = ledger.all(
    `select id, state from deploys where state <> 'live' and (failure_code is null or failure_message is null)`,
  );
  assert.deepEqual(untold, [], 'deploys that ended without a reason');
  const [release] = ledger.all(
    `select r.id, r.version, r.commit_oid as "commit", r.went_live_at, e.id as environment, a.id as app
       from environments e join apps a on a.id = e.app_id join releases r on r.id = e.current_release_id
      where a.name = ? and e.name = ?`,
    app,
    env,
  );
  assert.ok(release, `${app}/${env} has no current release`);
  assert.ok(release.went_live_at, 'the current release never went live');
  const current = release as unknown as CurrentRelease;
  const names = new RegExp(`-v${current.version}-`);
  const backends = ledger.all('select name from backends where environment_id = ?', current.environment);
  assert.ok(backends.length > 0, 'nothing is routed');
  for (const { name } of backends) assert.match(String(name), names, 'routed');
  const rows = ledger.all('select name from containers where environment_id = ?', current.environment);
  for (const { name } of rows) assert.match(String(name), names, 'known containers');
  return current;
}

/** A push that exited 0 is live, and no commit has two deploys that went live by one push. */
function checkPushes(ledger: Ledger, { pushes }: Checked): void {
  for (const { commit, code } of pushes) {
    if (code !== 0) continue;
    const states = ledger.all(
      'select d.state from deploys d join sources s on s.id = d.source_id where s.commit_oid = ?',
      commit,
    );
    assert.ok(
      states.some(({ state }) => state === 'live'),
      `the push of ${commit} exited 0 and is ${JSON.stringify(states)}`,
    );
  }
}

async function checkContainers(world: Checked, release: CurrentRelease): Promise<void> {
  const mine = `label=hawser.app=${world.app}`;
  const seen = await Promise.all(world.servers.map((server) => listContainers(server, mine)));
  const all = seen.flat();
  const told = JSON.stringify(all.map(({ name, state }) => `${name} ${state}`));
  assert.equal(all.length, world.containers, `containers: ${told}`);
  for (const { name, state, labels } of all) {
    assert.equal(state, 'running', name);
    assert.equal(labels['hawser.release'], String(release.version), name);
  }
  const left = await listContainers(world.builder, mine);
  assert.deepEqual(left, [], 'containers where images are built');
}

async function checkNetworks({ servers, app, env }: Checked): Promise<void> {
  const format = '{{.Label "hawser.app"}}/{{.Label "hawser.env"}}';
  for (const server of servers) {
    const list = ['network', 'ls', '--filter', `label=hawser.app=${app}`, '--format', format];
    const found = (await runProgram('docker', ['--host', server.dockerHost, ...list])).split('\n');
    assert.deepEqual(found.filter(Boolean), [`${app}/${env}`], `networks on ${server.name}`);
  }
}

async function checkServing({ ask, bodyOf }: Checked, { commit }: CurrentRelease): Promise<void> {
  for (let index = 0; index < requests; index += 1) {
    const { status, body } = await ask();
    assert.equal(status, 200);
    assert.equal(body.trim(), bodyOf(commit), 'what the load balancer answers');
  }
}

/** The branch is at the last commit that went live; every kept source belongs to a deploy. */
async function checkRefs(ledger: Ledger, world: Checked, release: CurrentRelease): Promise<void> {
  const folders = await readdir(join(world.data, 'repositories'));
  const folder = folders.find((name) => name.startsWith(release.app));
  assert.ok(folder, `no repository of ${release.app}`);
  const argv = ['--git-dir', join(world.data, 'repositories', folder), 'for-each-ref'];
  const lines = await runProgram('git', [...argv, '--format=%(refname) %(objectname)']);
  const refs = new Map(
    lines
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ') as [string, string]),
  );
  const [last] = ledger.all(
    `select s.commit_oid as "commit" from deploys d join sources s on s.id = d.source_id
      where d.state = 'live' and s.app_id = ? and s.ref = ? order by d.id desc limit 1`,
    release.app,
    world.branch,
  );
  assert.equal(refs.get(world.branch), last?.commit, `${world.branch} is not at the last live commit`);
}
