import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { labelNames } from '../../src/model/container.ts';
import { findDrift } from '../../src/pipeline/converge/reconcile.ts';
import type { PipelineDrivers } from '../../src/pipeline/drivers.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { type Database, openLedger } from '../../src/store/database.ts';
import {
  advanceDeploy,
  holdDeploy,
  nextEpoch,
  recordDeploy,
  reserveDeployId,
} from '../../src/store/deploys.ts';
import { recordRelease, switchRelease } from '../../src/store/releases.ts';
import { recordContainers } from '../../src/store/routes.ts';
import { testMasters } from '../support/master-key.ts';
import { makeRelease, web } from '../support/rollout-model.ts';

/** An app with a live release that is to run on `app1`. */
async function openLiveApp(db: Database, name: string) {
  const app = await createApp(db, name, 'test');
  const place = { name: 'production', domain: `${name}.localhost` };
  const { id: environmentId } = await ensureEnvironment(db, app, place);
  const id = await reserveDeployId(db);
  const rest = { kind: 'push', actor: 'ada', options: {}, source: null, fromReleaseId: null } as const;
  const deploy = await recordDeploy(db, { id, environmentId, supersede: true, ...rest });
  const epoch = await nextEpoch(db, environmentId);
  await holdDeploy(db, id, epoch);
  const wanted = { ...makeRelease(1, [web]), environmentId, deployId: id, imageDeployId: id };
  const release = await recordRelease(db, wanted);
  await advanceDeploy(db, { ...deploy, epoch }, { release_id: release.id });
  await switchRelease(db, { ...deploy, epoch }, release);
  await advanceDeploy(db, { ...deploy, epoch }, { state: 'live' });
  return { environmentId, release, deploy };
}

async function openDrivers(t: TestContext, docker: object) {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-drift-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'deploy.config.json');
  const servers = { app1: { local: true, address: '10.0.0.1' } };
  await writeFile(file, JSON.stringify({ servers, environments: { production: { branches: ['main'] } } }));
  const { db, ...ledger } = await openLedger(join(folder, 'ledger.db'), testMasters);
  t.after(() => ledger[Symbol.asyncDispose]());
  const [touched, warned]: [string[], object[]] = [[], []];
  const server = { name: 'app1', kind: 'local', address: '10.0.0.1', roles: [] };
  const connect = async () => ({ server, docker, closed: new AbortController().signal });
  const drivers = {
    config: readConfig(file, {}),
    db,
    rollout: { db, fleet: { connect }, listDown: async () => new Map() },
    log: { warn: (fields: object) => void warned.push(fields) },
    touch: async (_lane: string, id: string) => void touched.push(id),
  } as unknown as PipelineDrivers;
  return { db, drivers, touched, warned };
}

test('an environment that cannot be compared keeps no other one from being mended', async (t) => {
  const name = 'first-production-v1-web-1';
  const labels = {
    app: 'first',
    env: 'production',
    release: 1,
    process: 'web',
    index: 1,
    deploy: 1,
    epoch: 1,
  };
  const entry = {
    Id: 'c1',
    Names: [`/${name}`],
    State: 'running',
    Ports: [],
    ImageID: 'i1',
    Labels: Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [labelNames[key as keyof typeof labels], String(value)]),
    ),
  };
  const inspect = async () => {
    throw Object.assign(new Error('its files cannot be read'), { statusCode: 500 });
  };
  const docker = { listContainers: async () => [entry], getContainer: () => ({ inspect }) };
  const { db, drivers, touched, warned } = await openDrivers(t, docker);
  const first = await openLiveApp(db, 'first');
  const second = await openLiveApp(db, 'second');
  const { environmentId, release, deploy } = first;
  const row = { name, server: 'app1', environment_id: environmentId, release_id: release.id, process: 'web' };
  await recordContainers(db, [{ ...row, idx: 1, port: 20_000, deploy_id: deploy.id, epoch: 1 }]);
  const [seen] = await findDrift(drivers, AbortSignal.timeout(10_000));
  assert.equal(seen?.reachable, true);
  assert.deepEqual(touched, [second.environmentId]);
  assert.match(JSON.stringify(warned), /"app":"first".*its files cannot be read/);
});
