import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defaultDomain } from '../../src/route/table.ts';
import { openLedgerFile } from '../support/checker.ts';
import { runCommand } from '../support/command-line.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Pushed, type Repository } from '../support/repository.ts';

const app = `promoted${process.pid}`;
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '2s', stopTimeout: '2s' };
const environments = {
  staging: { branches: ['main'], rollout },
  production: { promoteFrom: 'staging', rollout },
  guarded: { branches: ['guarded'], promoteFrom: 'staging', approval: 'other', rollout },
};
const waitMs = 60_000;

let world: DeployWorld;
let repository: Repository;
const tokens: Record<string, string> = {};

before(async () => {
  world = await openDeployWorld(2, { environments });
  repository = await makeRepository('worker-and-web');
  await succeed(repository.push(world.hawser.remote(app)));
  for (const name of ['ada', 'bob']) {
    const made = await world.hawser.cli(
      'tokens:create',
      '-a',
      app,
      '--name',
      name,
      '--right',
      'deploy,promote,rollback,config:read,config:write',
    );
    tokens[name] = made.stdout.trim();
  }
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** The command line of a person with a token of their own. */
function as(name: string, ...argv: string[]): Promise<Ended> {
  const env = { HAWSER_URL: world.hawser.url, HAWSER_TOKEN: tokens[name] ?? '' };
  return runCommand([...argv, '-a', app], { env });
}

/** The same for what speaks of a deploy, and needs no app. */
function decide(name: string, ...argv: string[]): Promise<Ended> {
  const env = { HAWSER_URL: world.hawser.url, HAWSER_TOKEN: tokens[name] ?? '' };
  return runCommand(argv, { env });
}

async function succeed<T extends Ended | Pushed>(running: Promise<T>): Promise<T> {
  const ended = await running;
  assert.equal(ended.code, 0, `${ended.stdout}\n${ended.stderr}`);
  return ended;
}

/** What an earlier deploy replaced is gone: exactly the live releases run. */
async function isSettled(): Promise<boolean> {
  using ledger = openLedgerFile(world.hawser.data);
  const rows = ledger.all(
    `select containers.name from containers
     join environments on environments.current_release_id = containers.release_id order by containers.name`,
  );
  const running = (await world.containersOf(app)).map((found) => found.name).sort();
  return (
    running.join() ===
    rows
      .map((row) => String(row.name))
      .sort()
      .join()
  );
}

/** Everything that a refused deploy leaves as it is: containers, branches, what is live, and what is under way. */
async function look() {
  await eventually(isSettled, { timeoutMs: waitMs });
  using ledger = openLedgerFile(world.hawser.data);
  const live = 'select name, current_release_id from environments order by name';
  return {
    containers: (await world.containersOf(app)).map((found) => found.name).sort(),
    refs: await repository.git('ls-remote', world.hawser.remote(app)),
    live: ledger.all(live),
    routed: ledger.all('select name from backends order by name'),
  };
}

/** Runs what must be refused, with what it says, and shows that nothing is other than before. */
async function isRefused(running: () => Promise<Ended | Pushed>, ...says: RegExp[]): Promise<void> {
  const before = await look();
  const { code, stdout, stderr } = await running();
  assert.notEqual(code, 0, `${stdout}\n${stderr}`);
  for (const line of says) assert.match(`${stdout}\n${stderr}`, line);
  assert.deepEqual(await look(), before);
}

function readLive(env: string): { version: number; digest: string; id: number } {
  using ledger = openLedgerFile(world.hawser.data);
  const rows = ledger.all(
    `select releases.id, version, digest from releases
     join environments on environments.current_release_id = releases.id where environments.name = '${env}'`,
  );
  const [row] = rows as { id: number; version: number; digest: string }[];
  return row ?? assert.fail(`nothing is live in ${env}`);
}

/** From the moment a deploy was asked for until it had all the traffic. */
function readMs(kind: string): number {
  using ledger = openLedgerFile(world.hawser.data);
  const [row] = ledger.all(`select created_at, switched_at from deploys where kind = '${kind}'`);
  return Date.parse(String(row?.switched_at)) - Date.parse(String(row?.created_at));
}

async function answersOf(env: string): Promise<string[]> {
  return world.listAnswers(defaultDomain(null, app, env));
}

test('the digest that is live in staging is what production runs, and nothing is built again', async (t) => {
  const { stdout, stderr } = await succeed(as('ada', 'promote', '--from', 'staging', '--to', 'production'));
  const [push, promotion] = [readMs('push'), readMs('promote')];
  t.diagnostic(`push ${push} ms, promotion ${promotion} ms`);
  assert.match(stderr, /staging v1 [0-9a-f]{7} -> production nothing live/);
  assert.match(stdout, /Promotes staging v1: sha256:/);
  assert.match(stdout, /Release command: node release\.js/);
  assert.doesNotMatch(stdout, /Building/);
  assert.equal(readLive('production').digest, readLive('staging').digest);
  assert.deepEqual(await answersOf('production'), ['200 web one']);
  const images = new Map<string, Set<string>>();
  for (const server of world.fleet.servers) {
    for (const env of ['staging', 'production']) {
      const filters = [`label=hawser.app=${app}`, `label=hawser.env=${env}`];
      const ids = await docker(server, 'ps', '-q', ...filters.flatMap((filter) => ['--filter', filter]));
      const found = await docker(
        server,
        'inspect',
        '--format',
        '{{.Image}}',
        ...ids.split('\n').filter(Boolean),
      );
      images.set(env, new Set([...(images.get(env) ?? []), ...found.split('\n').filter(Boolean)]));
    }
  }
  assert.deepEqual(images.get('production'), images.get('staging'));
  assert.equal(images.get('production')?.size, 1);
});

test('a second promotion of the same changes nothing', async () => {
  const before = await look();
  const { code, stdout, stderr } = await as('ada', 'promote', '--to', 'production', '--json');
  assert.equal(code, 0);
  assert.match(stderr, /code: already_live/);
  assert.equal(JSON.parse(stdout).code, 'already_live');
  assert.deepEqual(await look(), before);
});

test('a variable that production lacks stops it, with the command that mends it', async () => {
  await succeed(as('ada', 'config:set', '-e', 'staging', 'FEATURE=staging-only-secret'));
  await repository.commit({ 'web.js': await readChanged('two') }, 'greet with two');
  await succeed(repository.push(world.hawser.remote(app)));
  const mend = new RegExp(`fix: hawser config:set -a ${app} -e production FEATURE=VALUE`);
  const promote = () => as('ada', 'promote', '--to', 'production');
  await isRefused(promote, /production lacks FEATURE, which staging has/, /config_key_missing/, mend);
  const diff = await succeed(as('ada', 'pipelines:diff', '--to', 'production'));
  assert.match(diff.stdout, /\+ [0-9a-f]{7} greet with two \(Ada\)/);
  assert.match(diff.stdout, /missing in production: FEATURE/);
  assert.doesNotMatch(diff.stdout, /staging-only-secret/);
  await succeed(as('ada', 'config:set', '-e', 'production', 'FEATURE=production'));
  await succeed(as('ada', 'config:set', '-e', 'guarded', 'FEATURE=guarded'));
});

test('a freeze stops what comes, but for a rollback and for a reason that is kept', async () => {
  const freeze = await world.hawser.cli(
    'freeze:add',
    '00:00-24:00',
    '--zone',
    'UTC',
    '-a',
    app,
    '--reason',
    'holidays',
  );
  const id = freeze.stdout.trim();
  const promote = (...more: string[]) => as('ada', 'promote', '--to', 'production', ...more);
  await isRefused(() => promote(), /is frozen: holidays \(freeze \d+, 00:00-24:00 UTC\)/, /code: frozen/);
  await isRefused(
    () => repository.push(world.hawser.remote(app), { refspec: '+HEAD~1:refs/heads/guarded' }),
    /error\[frozen\]/,
    /override-freeze=REASON/,
  );
  await isRefused(() => as('ada', 'config:set', '-e', 'production', 'OTHER=1'), /code: frozen/);
  const { stdout } = await succeed(promote('--override-freeze', 'the pay button is gone', '--json'));
  const deploy = JSON.parse(stdout);
  assert.equal(readLive('production').digest, readLive('staging').digest);
  await succeed(as('ada', 'rollback', '-e', 'production'));
  assert.notEqual(readLive('production').digest, readLive('staging').digest);
  const info = await succeed(decide('bob', 'deploys:info', String(deploy.id)));
  assert.match(info.stdout, /in freeze +the pay button is gone/);
  using ledger = openLedgerFile(world.hawser.data);
  const [event] = ledger.all("select actor, detail from events where action = 'freeze:override'");
  assert.deepEqual({ ...event }, { actor: 'ada', detail: `promote in freeze ${id}: the pay button is gone` });
  const urgent = { refspec: '+HEAD~1:refs/heads/guarded', options: ['override-freeze=it burns', 'no-wait'] };
  await succeed(repository.push(world.hawser.remote(app), urgent));
  const waiting = await awaitWaiting();
  assert.match((await succeed(decide('bob', 'deploys:info', waiting))).stdout, /in freeze +it burns/);
  await succeed(decide('bob', 'approvals:deny', waiting, '--reason', 'so it burns'));
  const listed = await succeed(as('bob', 'freeze'));
  assert.match(listed.stdout, /00:00-24:00\tUTC\ton for ever\tholidays\toperator/);
  await isRefused(() => as('ada', 'freeze:remove', id), /code: not_allowed/);
  await succeed(world.hawser.cli('freeze:remove', id));
});

test('a lock stops everything until it is opened, and says by whom and why', async () => {
  await succeed(as('ada', 'apps:lock', '-m', 'moving the database', '--for', '2h'));
  const says = [/is locked by ada since .* until .*: moving the database/, /app_locked/];
  await isRefused(
    () => as('bob', 'promote', '--to', 'guarded'),
    ...says,
    new RegExp(`hawser apps:unlock -a ${app}`),
  );
  await isRefused(() => as('bob', 'rollback', '-e', 'production'), ...says);
  await isRefused(
    () => repository.push(world.hawser.remote(app), { refspec: 'main:refs/heads/guarded' }),
    ...says,
  );
  await isRefused(() => as('bob', 'apps:lock', '-m', 'mine'), /already_locked/);
  assert.match((await succeed(as('bob', 'apps:info'))).stdout, /is locked by ada/);
  await succeed(as('bob', 'apps:unlock'));
  await isRefused(() => as('bob', 'apps:unlock'), /not_locked/);
});

test('what needs approval waits until somebody else grants it', async () => {
  const before = await look();
  const first = JSON.parse(
    (await succeed(as('ada', 'promote', '--to', 'guarded', '--no-wait', '--json'))).stdout,
  );
  const second = JSON.parse(
    (await succeed(as('ada', 'promote', '--to', 'guarded', '--no-wait', '--json'))).stdout,
  );
  assert.deepEqual([second.state, second.hold], ['queued', 'approval']);
  assert.equal((await infoOf(first.id)).state, 'superseded');
  assert.match(
    (await succeed(decide('bob', 'approvals'))).stdout,
    new RegExp(`^${second.id}\t.*anyone but ada$`, 'm'),
  );
  await isRefused(() => decide('ada', 'approvals:grant', String(second.id)), /approval_by_other/);
  assert.deepEqual(await look(), before);
  const log = decide('bob', 'deploys:attach', String(second.id));
  await succeed(decide('bob', 'approvals:grant', String(second.id), '--reason', 'looks good'));
  const { stdout } = await succeed(log);
  assert.match(
    stdout,
    /Waiting for approval: hawser approvals:grant \d+.*Approved by bob: looks good.*Released v\d/s,
  );
  assert.equal(readLive('guarded').digest, readLive('staging').digest);
  await isRefused(() => decide('bob', 'approvals:grant', String(second.id)), /approval_not_waiting/);
});

test('a push that is denied fails with the reason, and a cancelled one ends at once', async () => {
  await repository.commit({ 'web.js': await readChanged('three') }, 'three');
  for (const [verb, says] of [
    ['deny', /Denied by bob: not on a Friday/],
    ['cancel', /Cancelled by bob/],
  ] as const) {
    await isRefused(
      async () => {
        const push = repository.push(world.hawser.remote(app), { refspec: 'main:refs/heads/guarded' });
        const id = await awaitWaiting();
        const end = {
          deny: ['approvals:deny', id, '--reason', 'not on a Friday'],
          cancel: ['deploys:cancel', id],
        };
        await succeed(decide('bob', ...end[verb]));
        return push;
      },
      says,
      /! \[remote rejected\]/,
    );
  }
});

test('a killed worker and server forget no approval', async () => {
  const push = repository.push(world.hawser.remote(app), {
    refspec: 'main:refs/heads/guarded',
    options: ['no-wait'],
  });
  const id = await awaitWaiting();
  await succeed(push);
  for (const part of ['worker-build', 'worker-rollout', 'server']) await world.hawser.kill(part);
  await eventually(async () => (await infoOf(id)).hold === 'approval', { timeoutMs: waitMs });
  await succeed(decide('bob', 'approvals:grant', id));
  await eventually(async () => (await infoOf(id)).state === 'live', { timeoutMs: waitMs });
  assert.deepEqual(await answersOf('guarded'), ['200 web three']);
});

async function infoOf(id: number | string): Promise<{ state?: string; hold?: string | null }> {
  const { code, stdout } = await decide('bob', 'deploys:info', String(id), '--json');
  return code === 0 ? JSON.parse(stdout) : {};
}

async function awaitWaiting(): Promise<string> {
  return (await eventually(() => findWaiting(), { timeoutMs: waitMs })) ?? assert.fail();
}

function findWaiting(): string | undefined {
  using ledger = openLedgerFile(world.hawser.data);
  const [row] = ledger.all("select id from deploys where hold = 'approval' and ended_at is null");
  return row === undefined ? undefined : String(row.id);
}

async function readChanged(word: string): Promise<string> {
  return (await repository.git('show', 'HEAD:web.js')).replace(/web \w+/, `web ${word}`);
}
