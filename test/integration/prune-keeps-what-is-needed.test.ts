import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { collectIfOrdered } from '../../src/publish/collect.ts';
import { prepareEmbeddedRegistry } from '../../src/publish/embedded.ts';
import { orderCollection } from '../../src/publish/garbage.ts';
import { listManifests } from '../../src/publish/manifests.ts';
import { isReady, planRegistry } from '../../src/publish/registry.ts';
import { openRegistryClient, type RegistryClient } from '../../src/publish/registry-client.ts';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { pushManifest } from '../support/registry.ts';
import { makeRepository, type Repository, readApp } from '../support/repository.ts';
import { findFreePort } from '../support/sshd.ts';

const app = `prune${process.pid}`;
const domain = `${app}.localhost`;
const never = new AbortController().signal;
const rollout = { health: { interval: '100ms', deadline: '30s' }, drain: '1s', stopTimeout: '1s' };
const here = { dockerHost: 'unix:///var/run/docker.sock' };

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(1, {
    retention: { releases: 2 },
    environments: {
      production: { branches: ['main'], rollout },
      staging: { branches: ['staging'], rollout },
    },
  });
  const { Dockerfile = '' } = await readApp('hello');
  const files = { Dockerfile: Dockerfile.replace(/^COPY version.txt/m, 'COPY filler.txt /\n$&') };
  repository = await makeRepository('hello', { files: { ...files, 'filler.txt': '' } });
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

async function push(version: string, branch = 'main'): Promise<void> {
  // A layer of its own, so that something is freed.
  const filler = randomBytes(1_000_000).toString('base64');
  await repository.commit({ 'version.txt': `${version}\n`, 'filler.txt': filler });
  const refspec = `+HEAD:refs/heads/${branch}`;
  const { code, stderr } = await repository.push(world.hawser.remote(app), { refspec });
  assert.equal(code, 0, stderr);
}

type Use = {
  servers: { space: { freeBytes: number }; images: { releases: string[]; keep: string }[] }[];
  data: { parts: { name: string; bytes: number }[] };
};
type Pruned = { items: { place: string; removed: string[]; bytes: number; note: string | null }[] };

async function ask<T>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await world.hawser.cli(...argv, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function listLedger(sql: string): Record<string, unknown>[] {
  using ledger = openLedgerFile(world.hawser.data);
  return ledger.all(sql);
}

function appId(): string {
  return String(listLedger(`select id from apps where name = '${app}'`)[0]?.id);
}

/** Releases whose images an engine has under our tag, as `production v1`. */
async function listKept(engine: { dockerHost: string }): Promise<string[]> {
  const hexes = (await docker(engine, 'images', '--format', '{{.Tag}}', `hawser/${appId()}`)).split('\n');
  const rows = listLedger(`select e.name as env, r.version, r.digest from releases r
    join environments e on e.id = r.environment_id`);
  return rows
    .filter(({ digest }) => hexes.includes(String(digest).slice(7)))
    .map(({ env, version }) => `${env} v${version}`)
    .sort();
}

test('what runs, can be rolled back to or is not ours stays, on servers, the builder and in the registry', async () => {
  const [server] = world.fleet.servers;
  assert.ok(server);
  await push('old', 'staging');
  for (const version of ['one', 'two', 'three', 'four']) await push(version);
  // Not ours: another app's image by our grammar, any other image, any other container.
  const stranger = `hawser/a0000000000000000:${'ab'.repeat(32)}`;
  const anyImage = (await docker(server, 'images', '-q', `hawser/${appId()}`)).split('\n')[0] ?? '';
  await docker(server, 'tag', anyImage, stranger);
  await docker(server, 'create', '--name', 'stranger', stranger, 'true');
  const all = ['production v1', 'production v2', 'production v3', 'production v4', 'staging v1'];
  assert.deepEqual(await listKept(server), all);

  const use = await ask<Use>('disk');
  const states = new Map(use.servers[0]?.images.map(({ releases, keep }) => [releases.join(), keep]));
  assert.equal(states.get('production v4'), 'current');
  assert.equal(states.get('staging v1'), 'current');
  assert.equal(states.get('production v3'), 'rollback');
  assert.equal(states.get('production v2'), 'prunable');
  assert.ok((use.servers[0]?.space.freeBytes ?? 0) > 0);
  const registryBytes = (parts: Use) => parts.data.parts.find(({ name }) => name === 'registry')?.bytes ?? 0;
  assert.ok(registryBytes(use) > 0);

  const plan = await ask<Pruned>('disk:prune', '--plan');
  const gone = [`image of ${app} (production v1)`, `image of ${app} (production v2)`];
  for (const place of ['app1', 'builder', 'registry']) {
    const item = plan.items.find((one) => one.place === place);
    assert.deepEqual(item?.removed.toSorted(), gone, place);
  }
  assert.deepEqual(await listKept(server), all);

  const { value: pruned, report } = await world.loadWhile(domain, () => ask<Pruned>('disk:prune'));
  assert.deepEqual(report.failed, []);
  assert.deepEqual(
    pruned.items.map(({ place, note }) => [place, note]),
    [
      ['app1', null],
      ['builder', null],
      ['registry', null],
    ],
  );
  assert.ok((pruned.items[0]?.bytes ?? 0) > 1_000_000, JSON.stringify(pruned.items));
  const kept = ['production v3', 'production v4', 'staging v1'];
  assert.deepEqual(await listKept(server), kept);
  assert.deepEqual(await listKept(here), kept);
  assert.ok((await docker(server, 'images', '-q', stranger)) !== '');
  assert.equal(await docker(server, 'ps', '-aq', '--filter', 'name=stranger').then((id) => id !== ''), true);

  // The supervisor starts the registry anew, and its blobs are gone.
  await eventually(() => /registry collected its garbage/.test(world.hawser.output()), { timeoutMs: 60_000 });
  const after = await eventually(() => ask<Use>('disk'), { timeoutMs: 60_000 });
  assert.ok(registryBytes(after) < registryBytes(use) - 1_000_000);
  assert.deepEqual(
    (await ask<Pruned>('disk:prune')).items.flatMap(({ removed }) => removed),
    [],
  );
  const rolled = await world.hawser.cli('rollback', '-a', app, '-e', 'production');
  assert.equal(rolled.code, 0, rolled.stderr);
  assert.deepEqual(await world.listAnswers(domain), ['200 three']);
  await push('five');
  assert.deepEqual(await world.listAnswers(domain), ['200 five']);
});

test('pruning again and again while deploys go out takes no image from any of them', async () => {
  const stop = new AbortController();
  const pruning = (async () => {
    while (!stop.signal.aborted) await ask<Pruned>('disk:prune');
  })();
  try {
    for (const version of ['six', 'seven', 'eight']) await push(version);
  } finally {
    stop.abort();
    await pruning;
  }
  assert.deepEqual(await world.listAnswers(domain), ['200 eight']);
  const { code, stdout } = await world.hawser.cli('disk:prune', '-s', 'nowhere', '--json');
  assert.notEqual(code, 0, stdout);
});

const collector = fileURLToPath(new URL('../../src/publish/collect.ts', import.meta.url));

test('a collection that is killed at any moment leaves a registry that works, and is done at the next start', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-collect-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await findFreePort();
  const { file, argv, configFile } = await prepareEmbeddedRegistry({ folder, port });
  const client = openRegistryClient(planRegistry('embedded', port));
  const serve = async (work: () => Promise<void>) => {
    const child = spawn(file, argv, { stdio: 'ignore' });
    const exit = once(child, 'exit');
    try {
      await eventually(() => isReady(`127.0.0.1:${port}`), { timeoutMs: 60_000 });
      await work();
    } finally {
      child.kill('SIGTERM');
      await exit;
    }
  };
  const origin = `http://127.0.0.1:${port}`;
  const blob = () => randomBytes(20_000);
  const [shared, own] = [blob(), blob()];
  const script = join(folder, 'collect.mjs');
  const options = JSON.stringify({ folder, configFile, env: { PATH: process.env.PATH } });
  await writeFile(
    script,
    `import { collectIfOrdered } from ${JSON.stringify(collector)};
    await collectIfOrdered({ ...${options}, signal: new AbortController().signal, say: console.log });`,
  );
  let keep = '';
  for (const killAfterMs of [0, 5, 10, 20, 40]) {
    await serve(async () => {
      keep = await pushManifest(origin, 'hawser/a1', 'keep', [shared, own]);
      for (let n = 0; n < 5; n += 1) {
        const digest = await pushManifest(origin, 'hawser/a1', `gone${n}`, [shared, blob(), blob()]);
        assert.equal(await client.deleteManifest('hawser/a1', digest, never), true);
      }
      assert.deepEqual(await readWhole(client, origin), [keep]);
    });
    await orderCollection(folder);
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    await eventually(() => listCollectors(configFile).length > 0 || child.exitCode !== null, {
      intervalMs: 1,
    });
    await pause(killAfterMs);
    child.kill('SIGKILL');
    await exit;
  }
  await collectIfOrdered({
    folder,
    configFile,
    env: { PATH: process.env.PATH ?? '' },
    signal: never,
    say: () => {},
  });
  assert.equal(existsSync(join(folder, 'collect')), false);
  assert.deepEqual(listCollectors(configFile), []);
  await serve(async () => assert.deepEqual(await readWhole(client, origin), [keep]));
});

/** Digests of what can be fetched whole: every blob of it with the bytes that its digest says. */
async function readWhole(client: RegistryClient, origin: string): Promise<string[]> {
  const whole: string[] = [];
  for (const { digest, blobs } of await listManifests(client, 'hawser/a1', never)) {
    for (const blob of blobs.keys()) {
      const answer = await fetch(`${origin}/v2/hawser/a1/blobs/${blob}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, blob);
    }
    whole.push(digest);
  }
  return whole;
}

function listCollectors(configFile: string): string[] {
  const words = ['docker-registry', 'garbage-collect', configFile, ''].join('\0');
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && readCommand(name) === words);
}

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
