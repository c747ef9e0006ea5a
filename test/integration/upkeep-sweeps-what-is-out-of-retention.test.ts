import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJournals } from '../../src/log/journal.ts';
import type { PipelineDrivers } from '../../src/pipeline/drivers.ts';
import { sweepOld } from '../../src/pipeline/prune/sweep.ts';
import { openGit } from '../../src/receive/git/repositories.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openLedger } from '../../src/store/database.ts';
import { recordDeploy, reserveDeployId } from '../../src/store/deploys.ts';
import { listEvents, recordEvent } from '../../src/store/events.ts';
import { listJournals, recordJournal } from '../../src/store/journals.ts';
import { beginStep } from '../../src/store/steps.ts';
import { hideNothing } from '../support/hide-nothing.ts';
import { testMasters } from '../support/master-key.ts';
import { runProgram } from '../support/program.ts';

const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

test('sources and journals of old deploys go, those in retention and the young ones stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-sweep-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ledger = await openLedger(join(folder, 'ledger.db'), testMasters);
  t.after(() => ledger[Symbol.asyncDispose]());
  const { db } = ledger;
  const git = openGit({ repositories: join(folder, 'repositories') });
  const journals = openJournals(join(folder, 'journals'), 1_000_000, hideNothing);
  const app = await createApp(db, 'shop', 'test');
  const environment = await ensureEnvironment(db, app, { name: 'production', domain: 'shop.localhost' });
  await git.initRepository(app.id);
  const path = git.path(app.id);
  const tree = (await runProgram('git', ['-C', path, 'hash-object', '-t', 'tree', '-w', '--stdin'])).trim();
  const commit = (await runProgram('git', [...identity, '-C', path, 'commit-tree', tree, '-m', 'x'])).trim();
  const place = { environmentId: environment.id, kind: 'push' as const, actor: 'test', options: {} };
  const add = async () => {
    const id = await reserveDeployId(db);
    await git.updateRef(app.id, `refs/hawser/deploys/${id}`, commit);
    await recordDeploy(db, { ...place, id, source: null, fromReleaseId: null, supersede: true });
    await using journal = await journals.write(id);
    journal.step(`deploy ${id}`);
    await recordJournal(db, id, journal.size());
    return id;
  };
  for (let count = 0; count < 4; count += 1) await add();
  const unacknowledged = await reserveDeployId(db);
  await git.updateRef(app.id, `refs/hawser/deploys/${unacknowledged}`, commit);
  const last = await add();
  await db.updateTable('deploys').set({ created_at: '2020-01-01T00:00:00.000Z' }).execute();
  const young = await add();
  for (const id of [1, last]) {
    for (const name of ['build', 'release-command']) await beginStep(db, { id, epoch: 1 }, name, '');
  }
  await db.updateTable('deploys').where('id', '!=', young).set({ ended_at: 'then' }).execute();
  const event = { actor: 'test', action: 'x', appId: null, env: null, detail: '' };
  for (const at of ['2020-01-01T00:00:00.000Z', new Date().toISOString()]) {
    await recordEvent(db, event);
    await db.updateTable('events').where('detail', '=', '').set({ at, detail: at }).execute();
  }
  // Only what the sweep looks at: the parts that a sweep has no use for are left out.
  const drivers = { db, git, journals, config: { retention: { releases: 1, deploys: 3 } } };
  await sweepOld(drivers as unknown as PipelineDrivers);
  const refs = (await git.listRefs(app.id, 'refs/hawser/deploys/')).map(({ ref }) =>
    Number(ref.split('/').at(-1)),
  );
  assert.deepEqual(
    refs.sort((a, b) => a - b),
    [4, last, young],
  );
  assert.deepEqual(
    (await listJournals(db, young)).toSorted((a, b) => a - b),
    [4, last, young],
  );
  const steps = await db.selectFrom('steps').select(['deploy_id', 'name']).orderBy('deploy_id').execute();
  assert.deepEqual(steps.map(({ deploy_id, name }) => `${deploy_id} ${name}`).sort(), [
    '1 release-command',
    `${last} build`,
    `${last} release-command`,
  ]);
  assert.equal((await listEvents(db, { limit: 100 })).filter(({ action }) => action === 'x').length, 1);
  assert.deepEqual(await journals.read(1, 0), []);
  assert.equal((await journals.read(last, 0)).length, 1);
});
