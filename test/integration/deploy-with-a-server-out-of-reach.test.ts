import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `cut${process.pid}`;
const rollout = { health: { interval: '100ms', deadline: '10s' }, drain: '2s', stopTimeout: '2s' };

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(3, {
    environments: {
      production: { branches: ['main'], rollout: { ...rollout, onUnreachable: 'fail' } },
      staging: { branches: ['staging'], rollout: { ...rollout, onUnreachable: 'skip' } },
    },
  });
  repository = await makeRepository('hello');
  for (const branch of ['main', 'staging']) {
    const { code, stderr } = await push(branch);
    assert.equal(code, 0, stderr);
  }
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function push(branch: string) {
  return repository.push(world.hawser.remote(app), { refspec: `HEAD:refs/heads/${branch}` });
}

/** Versions that run in an environment, with the server of each container. */
async function listRunning(env: string): Promise<string[]> {
  const lists = await Promise.all(world.fleet.servers.map((server) => world.containersOn(server, app)));
  return lists
    .flatMap((containers, index) =>
      containers
        .filter(({ labels }) => labels['hawser.env'] === env)
        .map(({ labels }) => `app${index + 1} v${labels['hawser.release']}`),
    )
    .sort();
}

/** From the record of the last release to the end of its deploy. */
function readRolloutMs(): number {
  using ledger = openLedgerFile(world.hawser.data);
  const [row] = ledger.all(`select r.created_at as begun, d.ended_at as ended from deploys d
    join releases r on r.id = d.release_id order by d.id desc limit 1`);
  return Date.parse(String(row?.ended)) - Date.parse(String(row?.begun));
}

test('where the policy is to fail, it is known by name, and nothing is half done', async (t) => {
  const domain = `${app}.localhost`;
  await repository.commit({ 'version.txt': 'two\n' });
  const cut = world.fleet.server('app2');
  await cut.partition();
  t.after(() => cut.heal());
  const { code, stderr } = await push('main');
  assert.notEqual(code, 0, stderr);
  assert.match(stderr, /app2 is out of reach/);
  assert.match(stderr, /\[remote rejected\] HEAD -> main \(app2 is out of reach/);
  const ms = readRolloutMs();
  // A silent server is given up after 10 to 15 s; the rest is for a machine that has other work.
  assert.ok(ms < 60_000, `${ms} ms`);
  t.diagnostic(`known after ${(ms / 1000).toFixed(1)} s`);
  assert.deepEqual(await listRunning('production'), ['app1 v1', 'app2 v1', 'app3 v1']);
  await cut.heal();
  await eventually(async () => (await world.listAnswers(domain)).join() === '200 one');
  const again = await push('main');
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await world.listAnswers(domain), ['200 two']);
});

test('where the policy is to skip, it goes live without the server, which follows by itself', async (t) => {
  const domain = `${app}-staging.localhost`;
  const cut = world.fleet.server('app3');
  await cut.partition();
  t.after(() => cut.heal());
  const { code, stderr } = await push('staging');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /app3 is skipped, it is out of reach/);
  const all = ['app1 v2', 'app2 v2', 'app3 v2'];
  const { report } = await world.loadWhile(domain, async () => {
    const now = ['app1 v2', 'app2 v2', 'app3 v1'];
    await eventually(async () => (await listRunning('staging')).join() === now.join());
    await cut.heal();
    const begin = performance.now();
    await eventually(async () => (await listRunning('staging')).join() === all.join());
    t.diagnostic(`converged ${((performance.now() - begin) / 1000).toFixed(1)} s after it was healed`);
  });
  assert.deepEqual(report.failed, []);
  assert.deepEqual([...report.byBody.keys()], ['two']);
});
