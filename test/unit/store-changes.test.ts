import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../src/config.ts';
import type { Deploy } from '../../src/model/deploy.ts';
import { writeOutside } from '../../src/model/outside-value.ts';
import type { WantedChange } from '../../src/model/settings-change.ts';
import { acceptChange } from '../../src/pipeline/accept/accept-change.ts';
import { planNextRelease, settleNextRelease } from '../../src/pipeline/accept/next-release.ts';
import { findRollbackTarget } from '../../src/pipeline/accept/rollback-target.ts';
import { createApp, ensureEnvironment, findPlace } from '../../src/store/apps.ts';
import { readDesired } from '../../src/store/changes.ts';
import {
  advanceDeploy,
  getDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  requestStop,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { getRelease, type NewRelease, recordRelease, switchRelease } from '../../src/store/releases.ts';
import { openShop } from '../support/ledger.ts';

/** The ledger alone, with an app; deploys are moved by hand. */
async function openWorld(t: TestContext) {
  const { db, app, environment, folder } = await openShop(t);
  const outside = { folders: [folder], names: ['SHOP_KEY'], variables: { SHOP_KEY: 'from-env' } };
  const drivers = {
    db,
    config: { url: 'https://deploy.example.com', secrets: { outside } } as unknown as Config,
    touch: async () => undefined,
    journals: { write: async () => quiet } as never,
  };
  return {
    db,
    app,
    environment,
    drivers,
    folder,
    change: async (wanted: WantedChange) => {
      const request = { app, environment, wanted, action: 'config:set', actor: { name: 'ada' } };
      return (await acceptChange(request, drivers)).deploy;
    },
    async push(digest: string): Promise<Deploy> {
      const id = await reserveDeployId(db);
      const to = { environmentId: environment.id, fromReleaseId: null, source: null, supersede: true };
      const deploy = await recordDeploy(db, { id, ...to, kind: 'push', actor: 'ada', options: {} });
      const { id: _, ...held } = await take(id);
      const release = await recordRelease(db, makeRelease(environment.id, id, digest));
      await advanceDeploy(db, { id, ...held }, { state: 'releasing', release_id: release.id });
      return { ...deploy, ...held };
    },
    take,
    /** Ends a deploy live, with the release that it has or makes. */
    async goLive(deploy: Deploy) {
      const held = await take(deploy.id);
      const now = await getDeploy(db, deploy.id);
      const release =
        now.releaseId === null
          ? await recordRelease(db, await planNextRelease(now, drivers))
          : await settleNextRelease(now, await getRelease(db, now.releaseId), drivers);
      await advanceDeploy(db, held, { state: 'rolling_out', release_id: release.id });
      await switchRelease(db, held, release);
      await advanceDeploy(db, held, { state: 'live' });
      return getRelease(db, release.id);
    },
    async fail(deploy: Deploy, code = 'not_healthy') {
      const failure = { failure_code: code, failure_message: 'It does not answer.' };
      await advanceDeploy(db, await take(deploy.id), { state: 'failed', ...failure });
      return getDeploy(db, deploy.id);
    },
    vars: async () => (await readDesired(db, environment.id)).vars,
  };

  async function take(id: number) {
    const epoch = await nextEpoch(db, environment.id);
    await holdDeploy(db, id, epoch);
    return { id, epoch };
  }
}

const quiet = { step() {}, detail() {}, size: () => 0, async [Symbol.asyncDispose]() {} };

function makeRelease(environmentId: string, deployId: number, letter: string): NewRelease {
  return {
    environmentId,
    deployId,
    image: { repository: 'hawser/a1', digest: `sha256:${letter.repeat(64)}` },
    config: { BASE: 'app' },
    defaults: { BASE: 'app' },
    domains: [],
    processes: [{ type: 'web', command: null, quantity: null }],
    releaseCommand: null,
    port: 8080,
    health: null,
    resources: { memory: 1, cpus: 1, pids: 1 },
    commit: null,
    author: null,
    message: null,
    actor: 'ada',
    rollbackOf: null,
    imageDeployId: deployId,
    promotedFrom: null,
  };
}

function need(deploy: Deploy | null): Deploy {
  assert.ok(deploy);
  return deploy;
}

test('before anything is live only the settings change, and the first push has them', async (t) => {
  const world = await openWorld(t);
  assert.equal(await world.change({ vars: { A: '1' } }), null);
  assert.equal(await world.change({ vars: { A: '1' } }), null);
  const release = await world.goLive(await world.push('a'));
  assert.deepEqual(release.config, { BASE: 'app', A: '1' });
});

test('a push has what was set when its turn comes, without what was asked for after it', async (t) => {
  const world = await openWorld(t);
  await world.change({ vars: { A: '1' } });
  const pushed = await world.push('a');
  const later = need(await world.change({ vars: { A: '2' }, scale: { web: 3 } }));
  assert.equal((await world.goLive(pushed)).config.A, '1');
  const release = await world.goLive(later);
  assert.deepEqual([release.config.A, release.processes[0]?.quantity], ['2', 3]);
  assert.equal(release.imageDeployId, pushed.id);
});

test('what waited for approval while settings changed goes out with them', async (t) => {
  const world = await openWorld(t);
  await world.goLive(await world.push('a'));
  const held = await world.push('b');
  const change = need(await world.change({ vars: { A: '1' } }));
  await world.goLive(change);
  assert.equal((await world.goLive(held)).config.A, '1');
});

test('a change that failed is taken back, and its reason says what', async (t) => {
  const world = await openWorld(t);
  await world.goLive(await world.push('a'));
  const first = need(await world.change({ vars: { A: '1' }, domains: { 'x.example': true } }));
  const second = need(await world.change({ vars: { A: '2', B: 'b' } }));
  const failed = await world.fail(first);
  assert.equal(failed.failureMessage, 'It does not answer. Taken back: config: +A, domains: +x.example.');
  assert.deepEqual(await world.vars(), { A: '2', B: 'b' });
  await world.fail(second);
  assert.deepEqual(await world.vars(), {});
  assert.deepEqual((await readDesired(world.db, world.environment.id)).domains, ['shop.localhost']);
});

test('a change that waits and is cancelled is taken back at once', async (t) => {
  const world = await openWorld(t);
  await world.goLive(await world.push('a'));
  const change = need(await world.change({ vars: { BASE: 'mine' } }));
  const stopped = await requestStop(world.db, change.id, 'ada');
  assert.equal(stopped.failureMessage, 'Cancelled by ada. Taken back: config: +BASE.');
  assert.deepEqual(await world.vars(), {});
});

test('what waited for a first push that failed stays set', async (t) => {
  const world = await openWorld(t);
  const pushed = await world.push('a');
  const change = need(await world.change({ vars: { A: '1' } }));
  await world.fail(pushed);
  await assert.rejects(planNextRelease(change, world.drivers), { code: 'nothing_live' });
  await world.fail(change, 'nothing_live');
  assert.deepEqual(await world.vars(), { A: '1' });
});

test('a rollback brings variables back, and what was asked for after it stays', async (t) => {
  const world = await openWorld(t);
  const { db, environment } = world;
  const first = await world.goLive(await world.push('a'));
  await world.goLive(need(await world.change({ vars: { A: '2', GONE: 'x' }, scale: { web: 2 } })));
  const id = await reserveDeployId(db);
  const place = { environmentId: environment.id, source: null, supersede: true, options: {} };
  const wanted = { id, ...place, kind: 'rollback' as const, actor: 'ada', fromReleaseId: first.id };
  const rollback = await recordDeploy(db, wanted);
  const after = need(await world.change({ vars: { A: '3' } }));
  const back = await world.goLive(rollback);
  assert.deepEqual(back.config, { BASE: 'app' });
  assert.equal(back.processes[0]?.quantity, 2);
  assert.deepEqual(await world.vars(), { A: '3' });
  await world.fail(after);
  assert.deepEqual(await world.vars(), {});
});

test('a rollback by digest takes the newest release of that image that was live', async (t) => {
  const world = await openWorld(t);
  await world.goLive(await world.push('a'));
  const newer = await world.goLive(need(await world.change({ vars: { A: '1' } })));
  await world.goLive(await world.push('b'));
  await world.push('c');
  const { environment } = (await findPlace(world.db, world.environment.id)) ?? assert.fail();
  const find = (digest: string) => findRollbackTarget(environment, { version: null, digest }, world.db);
  assert.equal((await find('sha256:aaaaaaaa')).id, newer.id);
  assert.equal((await find('aaaaaaaaaaaa')).id, newer.id);
  await assert.rejects(find('bbbbbbbb'), { code: 'already_live' });
  await assert.rejects(find('cccccccc'), { code: 'release_never_live' });
  await assert.rejects(find('dddddddd'), { code: 'release_not_found' });
});

test('names, sizes and domains that cannot be are refused before anything is written', async (t) => {
  const world = await openWorld(t);
  await world.goLive(await world.push('a'));
  const other = await createApp(world.db, 'other', 'test');
  await ensureEnvironment(world.db, other, { name: 'production', domain: 'other.example' });
  for (const [wanted, code] of [
    [{ vars: { '1A': 'x' } }, 'variable_invalid'],
    [{ vars: { 'A-B': 'x' } }, 'variable_invalid'],
    [{ vars: { PORT: '80' } }, 'variable_invalid'],
    [{ vars: { HAWSER_ENV: 'x' } }, 'variable_invalid'],
    [{ vars: { A: 'a\0b' } }, 'variable_invalid'],
    [{ vars: { A: 'x'.repeat(64 * 1024 + 1) } }, 'variable_invalid'],
    [
      { vars: Object.fromEntries('ABCDE'.split('').map((n) => [n, 'x'.repeat(60_000)])) },
      'variables_too_large',
    ],
    [{ scale: { clock: 1 } }, 'process_unknown'],
    [{ domains: { 'no domain': true } }, 'domain_invalid'],
    [{ domains: { 'other.example': true } }, 'domain_taken'],
  ] as const) {
    await assert.rejects(world.change(wanted), { code }, JSON.stringify(wanted).slice(0, 60));
  }
  await assert.rejects(
    world.change({ domains: { 'deploy.example.com': true } }),
    /name of this server itself/,
  );
  await assert.rejects(world.change({ domains: { 'other.example': true } }), (error: Error) => {
    return !error.message.includes('other/') && error.message.includes('another app');
  });
  assert.deepEqual(await world.vars(), {});
});

test('what is read from outside is read anew for each release; a rollback has what its release had', async (t) => {
  const { change, goLive, push, vars, db, folder, drivers, app, environment } = await openWorld(t);
  const file = join(folder, 'value');
  await writeFile(file, 'first\n', { mode: 0o600 });
  await goLive(await push('a'));
  const outside = { FILE: writeOutside({ file }), ENV: writeOutside({ env: 'SHOP_KEY' }) };
  const set = await change({ vars: outside });
  const v2 = await goLive(set as Deploy);
  assert.deepEqual(v2.config, { BASE: 'app', FILE: 'first', ENV: 'from-env' });
  assert.deepEqual([v2.outside, await vars()], [outside, outside]);
  await writeFile(file, 'second\n');
  const v3 = await goLive((await change({ vars: { OTHER: '1' } })) as Deploy);
  assert.equal(v3.config.FILE, 'second');
  const { deploy } = await acceptChange(
    { app, environment, wanted: { vars: { FILE: 'set' } }, action: 'config:set', actor: { name: 'ada' } },
    drivers,
  );
  await goLive(deploy as Deploy);
  const back = await recordDeploy(db, {
    ...{ id: await reserveDeployId(db), environmentId: environment.id, kind: 'rollback', actor: 'ada' },
    ...{ options: {}, source: null, fromReleaseId: v2.id, supersede: false },
  });
  const v5 = await goLive(back);
  assert.deepEqual([v5.config.FILE, v5.outside, await vars()], ['first', outside, outside]);
  await rm(file);
  const restart = (await change({ vars: { OTHER: '2' } })) as Deploy;
  await assert.rejects(goLive(restart), { code: 'outside_missing' });
  assert.deepEqual(await vars(), { ...outside, OTHER: '2' });
  const forbidden = change({ vars: { X: writeOutside({ file: '/etc/passwd' }) } });
  await assert.rejects(forbidden, { code: 'outside_not_allowed' });
  const row = JSON.stringify(await db.selectFrom('settings').selectAll().execute());
  assert.ok(!row.includes('from-env') && !row.includes('second'));
});
