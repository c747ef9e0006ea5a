import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openJournals } from '../../src/log/journal.ts';
import type { PipelineDrivers } from '../../src/pipeline/drivers.ts';
import { sweepOld } from '../../src/pipeline/sweep.ts';
import { openGit } from '../../src/receive/git.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { openLedger } from '../../src/store/database.ts';
import { recordDeploy, reserveDeployId } from '../../src/store/deploys.ts';
import { listJournals, recordJournal } from '../../src/store/journals.ts';
import { runProgram } from '../support/program.ts';

const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];

test('sources and journals of old deploys go, those in retention and the young ones stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-sweep-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ledger = await openLedger(join(folder, 'ledger.db'));
  t.after(() => ledger[Symbol.asyncDispose]());
  const { db } = ledger;
  const git = openGit({ repositories: join(folder, 'repositories') });
  const journals = openJournals(join(folder, 'journals'), 1_000_000);
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
  assert.deepEqual(await journals.read(1, 0), []);
  assert.equal((await journals.read(last, 0)).length, 1);
});
