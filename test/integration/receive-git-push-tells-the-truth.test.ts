import assert from 'node:assert/strict';
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findExcess } from '../../src/pipeline/accept/user-limits.ts';
import { eventually } from '../support/eventually.ts';
import {
  commitFile,
  environment,
  killClient,
  makeSource,
  mustRun,
  openWorld,
  runClient,
  startClient,
  type WorldOptions,
} from '../support/receive-world.ts';

async function open(t: { after(run: () => Promise<void>): void }, options: WorldOptions = {}) {
  const world = await openWorld(options);
  t.after(() => world[Symbol.asyncDispose]());
  return { world, source: await makeSource(world.folder, 'source', world.url()) };
}

const failing: WorldOptions['outcome'] = async (deploy) =>
  deploy.message.includes('bad') ? 'failed' : 'live';

test('a push that goes live moves its branch; one that fails leaves it and says why', async (t) => {
  const { world, source } = await open(t, { outcome: failing });
  const good = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(good.code, 0, good.output);
  assert.match(good.output, /remote: -----> Queued deploy 1 for shop\/production/);
  const live = await world.git.readRef('id-shop', 'refs/heads/main');
  await commitFile(source, 'bad', 'x');
  const bad = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(bad.code, 1);
  assert.match(bad.output, /! \[remote rejected\] main -> main \(build failed\)/);
  assert.equal(await world.git.readRef('id-shop', 'refs/heads/main'), live);
  const source2 = world.recorded[1];
  assert.equal(await world.git.readRef('id-shop', 'refs/hawser/deploys/2'), source2?.commit);
  assert.deepEqual(
    [source2?.author, source2?.message, source2?.previous],
    ['Ada <ada@example.com>', 'change bad', live],
  );
  assert.match((await runClient(source, ['push', 'deploy', `${live}:refs/heads/main`])).output, /up-to-date/);
});

test('the same commit pushed while its deploy runs attaches to it', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { world, source } = await open(t, { outcome: () => gate.promise.then(() => 'live' as const) });
  const first = runClient(source, ['push', 'deploy', 'main']);
  await eventually(() => world.recorded.length === 1);
  const second = runClient(source, ['push', 'deploy', 'main']);
  await eventually(() => world.followed.length === 2);
  // A git of 2.48 or newer takes no pack for a second time as long as the first push keeps it.
  const packs = await readdir(join(world.git.path('id-shop'), 'objects', 'pack'));
  assert.deepEqual(
    packs.filter((name) => name.endsWith('.keep')),
    [],
  );
  gate.resolve();
  assert.equal((await first).code, 0);
  const { code, output } = await second;
  assert.equal(code, 0, output);
  assert.match(output, /Deploy 1 brings the same commit already/);
  assert.equal(world.recorded.length, 1);
});

test('no-wait returns once it is durable, and the branch is not said to have moved', async (t) => {
  const { world, source } = await open(t, { outcome: () => new Promise(() => undefined) });
  const { code, output } = await runClient(source, ['push', '-o', 'no-wait', 'deploy', 'main']);
  assert.equal(code, 0, output);
  assert.match(output, /Deploy 1 is queued; main moves when it is live/);
  assert.match(output, /main -> refs\/hawser\/deploys\/1/);
  assert.equal(await world.git.readRef('id-shop', 'refs/heads/main'), null);
  assert.equal(
    (await runClient(source, ['rev-parse', '--verify', '-q', 'refs/remotes/deploy/main'])).code,
    1,
  );
});

test('a client that leaves while it follows ends the following, not the deploy', async (t) => {
  const stopped = Promise.withResolvers<void>();
  const { world, source } = await open(t, {
    async outcome(_deploy, _write, signal) {
      // The client may be gone before it is followed at all.
      if (!signal.aborted) await once(signal, 'abort');
      stopped.resolve();
      throw signal.reason;
    },
  });
  const child = startClient(source, ['push', 'deploy', 'main']);
  await eventually(() => world.recorded.length === 1);
  killClient(child);
  await stopped.promise;
  assert.equal(await world.git.readRef('id-shop', 'refs/hawser/deploys/1'), world.recorded[0]?.commit);
});

test('of several refs the good ones go and the bad ones are named; --atomic refuses all', async (t) => {
  const { world, source } = await open(t);
  const refs = ['main', 'main:feature', 'main:refs/notes/x', 'main:refs/tags/v1'];
  const { code, output } = await runClient(source, ['push', '--atomic', 'deploy', ...refs]);
  assert.equal(code, 1);
  assert.equal(output.match(/\[remote rejected\]/g)?.length, 4, output);
  assert.equal(world.recorded.length, 0);
  const mixed = await runClient(source, ['push', 'deploy', ...refs]);
  assert.equal(mixed.code, 1);
  assert.match(mixed.output, /\* \[new branch\] +main -> main/);
  assert.match(mixed.output, /\* \[new tag\] +main -> v1/);
  assert.match(mixed.output, /rejected\] main -> feature \(branch "feature" does not deploy/);
  const atomic = await runClient(source, ['push', '--atomic', '-o', 'skip', 'deploy', 'main:a', 'main:b']);
  assert.equal(atomic.code, 0, atomic.output);
});

test('branches are deleted, forced and kept by what deploys', async (t) => {
  const { world, source } = await open(t);
  await mustRun(source, 'push', '-o', 'skip', 'deploy', 'main', 'main:old');
  assert.equal((await runClient(source, ['push', 'deploy', ':old'])).code, 0);
  assert.match((await runClient(source, ['push', 'deploy', ':main'])).output, /error\[branch_in_use\]/);
  await mustRun(source, 'commit', '-q', '--amend', '-m', 'another');
  const forced = await runClient(source, ['push', '-f', 'deploy', 'main']);
  assert.match(forced.output, /error\[force_not_allowed\]/);
  assert.equal((await runClient(source, ['push', '-f', '-o', 'skip', 'deploy', 'main:x'])).code, 0);
  assert.deepEqual(
    (await world.git.listRefs('id-shop', 'refs/heads/')).map(({ ref }) => ref),
    ['refs/heads/main', 'refs/heads/x'],
  );
});

test('clone, fetch and shallow work in every protocol; what is hidden stays hidden', async (t) => {
  const { world, source } = await open(t);
  for (const name of ['a', 'b', 'c']) await commitFile(source, name, name);
  await mustRun(source, 'push', 'deploy', 'main');
  for (const version of ['0', '1', '2']) {
    const protocol = ['-c', `protocol.version=${version}`];
    await mustRun(world.folder, ...protocol, 'clone', '-q', world.url(), `clone${version}`);
    await mustRun(world.folder, ...protocol, 'clone', '-q', '--depth', '1', world.url(), `shallow${version}`);
    const listed = await mustRun(world.folder, ...protocol, 'ls-remote', world.url());
    assert.doesNotMatch(listed, /hawser/);
    const clone = join(world.folder, `clone${version}`);
    assert.equal(await mustRun(clone, 'rev-parse', 'HEAD'), await mustRun(source, 'rev-parse', 'HEAD'));
  }
  const shallow = join(world.folder, 'shallow2');
  await commitFile(shallow, 'd', 'd');
  assert.equal(
    (await runClient(shallow, ['push', 'origin', 'HEAD:main'])).code,
    0,
    'a push from a shallow clone',
  );
  await mustRun(join(world.folder, 'clone2'), 'fetch', '-q');
  const missing = await runClient(world.folder, ['clone', world.url('nope'), 'x']);
  assert.match(
    missing.output,
    /remote: error\[app_not_found\]: app "nope" does not exist, or you may not see it/,
  );
});

test('branches and options that a shell would read are only names', async (t) => {
  const names = [
    'a;touch',
    '$(touch canary)',
    '`touch canary`',
    'a|b',
    'a&b',
    "a'b",
    'a"b',
    'a<b>',
    '#x',
    '!x',
    '%2e%2e',
    'é',
  ];
  const odd = names.map((name) => name.replaceAll(' ', '$IFS'));
  const { world, source } = await open(t, {
    environments: [environment('production', ['main']), environment('preview', ['**'])],
  });
  const { code, output } = await runClient(source, [
    'push',
    'deploy',
    ...odd.map((name) => `main:refs/heads/${name}`),
    'main:refs/heads/-x',
  ]);
  assert.equal(code, 0, output);
  for (const option of ['a;b=c', '$(touch canary)', 'env=prod;rm']) {
    assert.match(
      (await runClient(source, ['push', '-o', option, 'deploy', 'main'])).output,
      /unknown_push_option/,
    );
  }
  const many = Array.from({ length: 1000 }, () => ['-o', 'skip']).flat();
  assert.match((await runClient(source, ['push', ...many, 'deploy', 'main'])).output, /unknown_push_option/);
  for (const folder of [source, world.folder, world.git.path('id-shop'), '/']) {
    await assert.rejects(access(join(folder, 'canary')));
  }
});

test('a push is refused before its upload while the disk is full, and the refusal is audited', async (t) => {
  const { Failure } = await import('../../src/failure.ts');
  const { world, source } = await open(t, {
    isFree: async () => new Failure('server_busy', '1.2 GB free, 2 GB needed'),
  });
  const { code, output } = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(code, 128);
  assert.match(output, /remote: error\[server_busy\]: 1\.2 GB free, 2 GB needed/);
  const pushes = world.audited.filter(({ action }) => action === 'git:push');
  assert.deepEqual(
    pushes.map(({ door, actor, app, outcome, code: why }) => [door, actor, app, outcome, why]),
    [['git-http', 'token:test', 'shop', 'failed', 'server_busy']],
  );
  assert.equal((await runClient(world.folder, ['clone', world.url(), 'x'])).code, 0);
});

test('too many bytes or refs are refused with their limit', async (t) => {
  const { randomBytes } = await import('node:crypto');
  const { world, source } = await open(t, { limits: { push: 200_000, refs: 5 } });
  const refs = Array.from({ length: 6 }, (_, index) => `main:refs/heads/b${index}`);
  assert.match(
    (await runClient(source, ['push', '-o', 'skip', 'deploy', ...refs])).output,
    /error\[too_many_refs\]: 6 refs/,
  );
  await commitFile(source, 'noise', randomBytes(3_000_000));
  const { code, output } = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(code, 1, output);
  assert.match(output, /remote: error\[push_too_large\]: the push is larger than 195\.3 KiB/);
  assert.equal(await world.git.readRef('id-shop', 'refs/heads/main'), null);
});

test('a lock that a crash left is removed, and what killed pushes left is swept', async (t) => {
  const { mkdir, utimes, writeFile } = await import('node:fs/promises');
  const { world, source } = await open(t);
  await mustRun(source, 'push', 'deploy', 'main');
  const repository = world.git.path('id-shop');
  const old = new Date(Date.now() - 3_600_000);
  const lock = join(repository, 'refs', 'heads', 'main.lock');
  const left = join(repository, 'objects', 'tmp_objdir-incoming-dead');
  await writeFile(lock, '');
  await mkdir(left);
  for (const path of [lock, left]) await utimes(path, old, old);
  await commitFile(source, 'next', 'x');
  assert.equal((await runClient(source, ['push', 'deploy', 'main'])).code, 0);
  await world.git.sweep('id-shop', { olderThanMs: 60_000 });
  await assert.rejects(access(left));
  assert.equal((await runClient(world.folder, ['clone', world.url(), 'x'])).code, 0);
});

test('a server that dies in the middle rejects the push and does not hang it', async (t) => {
  const { world, source } = await open(t, { outcome: () => new Promise(() => undefined) });
  const push = runClient(source, ['push', 'deploy', 'main']);
  await eventually(() => world.recorded.length === 1);
  await world.receiver[Symbol.asyncDispose]();
  const { code, output } = await push;
  assert.equal(code, 1);
  assert.match(output, /remote rejected/);
});

test('who pushed too often is told the limit and when to push again, and the push leaves nothing', async (t) => {
  const user = { pushes: 1, deploys: 9, apps: 9, disk: 1e9 };
  const { world, source } = await open(t, {
    admit({ actor }, { length }) {
      const pushes = Array.from({ length }, () => '2026-05-04T10:00:00.000Z');
      const excess = findExcess(actor, { pushes, waiting: 0, bytes: 0 }, user);
      if (excess !== undefined) throw excess;
    },
  });
  assert.equal((await runClient(source, ['push', 'deploy', 'main'])).code, 0);
  await commitFile(source, 'more', 'x');
  const { code, output } = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(code, 1, output);
  assert.match(output, /token:test" pushed 1 times within an hour \(limit 1\)/);
  assert.match(output, /Push again after 2026-05-04T11:00:00\.000Z/);
  assert.match(output, /too_many_pushes/);
  assert.equal(await world.git.readRef('id-shop', 'refs/hawser/deploys/2'), null);
});
