import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Pushed, type Repository } from '../support/repository.ts';

const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '1s', stopTimeout: '1s' };

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(2, { environments: { production: { branches: ['main'], rollout } } });
  repository = await makeRepository('hello');
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

type Change = { readonly app: string; readonly commit: string; readonly body: string };

/** So many commits, each on top of the one before. */
async function makeChanges(app: string, count: number): Promise<Change[]> {
  const changes: Change[] = [];
  for (let number = 1; number <= count; number += 1) {
    const body = `${app} ${number}`;
    changes.push({ app, body, commit: await repository.commit({ 'version.txt': `${body}\n` }) });
  }
  return changes;
}

type Attempt = Change & { readonly pushed: Pushed };

function pushAtOnce(changes: readonly Change[]): Promise<Attempt[]> {
  const pushes = changes.map(async (change) => {
    const refspec = `${change.commit}:refs/heads/main`;
    return { ...change, pushed: await repository.push(world.hawser.remote(change.app), { refspec }) };
  });
  return Promise.all(pushes);
}

type Row = {
  readonly id: number;
  readonly state: string;
  readonly commit: string;
  readonly version: number | null;
  readonly switchedAt: string | null;
};

function readDeploys(app: string): Row[] {
  using ledger = openLedgerFile(world.hawser.data);
  return ledger.all(
    `select d.id, d.state, s.commit_oid as "commit", r.version, d.switched_at as "switchedAt" from deploys d
       join sources s on s.id = d.source_id join apps a on a.id = s.app_id
       left join releases r on r.id = d.release_id where a.name = ? order by d.id`,
    app,
  ) as Row[];
}

/** Every push was told its truth, and the newest deploy is what serves. Returns how many went live. */
async function assertNewestServes(app: string, attempts: readonly Attempt[]): Promise<number> {
  const rows = readDeploys(app);
  for (const { commit, pushed } of attempts) {
    const row = rows.findLast((known) => known.commit === commit);
    assert.ok(
      row || /! \[(remote )?rejected\]/.test(pushed.stderr),
      `no trace of ${commit}: ${pushed.stderr}`,
    );
    if (row) assert.ok(['live', 'superseded'].includes(row.state), `${JSON.stringify(row)} ${pushed.stderr}`);
    assert.equal(pushed.code === 0, row?.state === 'live', pushed.stderr);
  }
  const live = rows.filter((row) => row.switchedAt !== null);
  const inTime = live.toSorted((one, other) =>
    String(one.switchedAt).localeCompare(String(other.switchedAt)),
  );
  assert.deepEqual(
    inTime.map((row) => row.id),
    live.map((row) => row.id),
  );
  const newest = rows.at(-1);
  assert.equal(newest?.state, 'live');
  const body = attempts.find(({ commit }) => commit === newest.commit)?.body;
  assert.deepEqual(await world.listAnswers(`${app}.localhost`), [`200 ${body}`]);
  const listed = await repository.git('ls-remote', world.hawser.remote(app), 'refs/heads/main');
  assert.equal(listed.split('\t')[0], newest.commit);
  await eventually(async () => {
    const versions = (await world.containersOf(app)).map(({ labels }) => labels['hawser.release']);
    return versions.join() === `${newest.version},${newest.version}`;
  });
  return live.length;
}

test('of ten pushes to one app at once, each ends true and the newest deploy serves', async (t) => {
  const attempts = await pushAtOnce(await makeChanges('many', 10));
  t.diagnostic(`${await assertNewestServes('many', attempts)} of 10 went live`);
});

test('so it is with five pushes to each of ten apps at once', async (t) => {
  const apps = Array.from({ length: 10 }, (_, index) => `app-${index + 1}`);
  const changes: Change[] = [];
  for (const app of apps) changes.push(...(await makeChanges(app, 5)));
  const begin = performance.now();
  const attempts = await pushAtOnce(changes);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  let live = 0;
  for (const app of apps) {
    const mine = attempts.filter((attempt) => attempt.app === app);
    live += await assertNewestServes(app, mine);
  }
  t.diagnostic(`${live} of 50 went live in ${seconds} s`);
});
