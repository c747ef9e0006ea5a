import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createApp } from '../../src/store/apps.ts';
import { eventually } from '../support/eventually.ts';
import { commitFile, killClient, makeSource, mustRun } from '../support/receive-world.ts';
import { openSshWorld, type SshWorldOptions } from '../support/ssh-world.ts';

const patience = { timeoutMs: 60_000 };

async function open(t: TestContext, options: SshWorldOptions = {}) {
  const world = await openSshWorld(t, options);
  await world.makeKey('laptop', ['push']);
  const source = await makeSource(world.folder, 'source', world.remote());
  return { world, source, id: world.api.shop.app.id };
}

test('a push over SSH goes live and moves its branch; one that fails leaves it and says why', async (t) => {
  const outcome: SshWorldOptions['outcome'] = async (deploy) =>
    deploy.message.includes('bad') ? 'failed' : 'live';
  const { world, source, id } = await open(t, { outcome });
  const good = await world.git('laptop', source, 'push', 'deploy', 'main');
  assert.equal(good.code, 0, good.output);
  assert.match(good.output, /remote: -----> Queued deploy 1 for shop\/production/);
  assert.equal(world.recorded[0]?.actor, 'laptop');
  const live = await world.store.readRef(id, 'refs/heads/main');
  await commitFile(source, 'bad', 'x');
  const bad = await world.git('laptop', source, 'push', 'deploy', 'main');
  assert.equal(bad.code, 1);
  assert.match(bad.output, /! \[remote rejected\] main -> main \(build failed\)/);
  assert.equal(await world.store.readRef(id, 'refs/heads/main'), live);
  const odd = await world.git('laptop', source, 'push', '-o', 'nonsense', 'deploy', 'main:x');
  assert.match(odd.output, /error\[unknown_push_option\]/);
  const refs = await world.git('laptop', source, 'push', 'deploy', 'main:refs/notes/x', 'main:feature');
  assert.equal(refs.output.match(/\[remote rejected\]/g)?.length, 2, refs.output);
  const skipped = await world.git('laptop', source, 'push', '-o', 'skip', 'deploy', 'main:feature');
  assert.equal(skipped.code, 0, skipped.output);
});

test('what was pushed is cloned and fetched, with the protocol that the client asks for', async (t) => {
  const { world, source } = await open(t);
  assert.equal((await world.git('laptop', source, 'push', 'deploy', 'main')).code, 0);
  const cloned = await world.git('laptop', world.folder, 'clone', '-q', world.remote(), 'clone');
  assert.equal(cloned.code, 0, cloned.output);
  const clone = join(world.folder, 'clone');
  const commit = await commitFile(source, 'more', randomBytes(300_000));
  assert.equal((await world.git('laptop', source, 'push', 'deploy', 'main')).code, 0);
  assert.equal((await world.git('laptop', clone, 'fetch', '-q')).code, 0);
  assert.equal(await mustRun(clone, 'rev-parse', 'origin/main'), commit);
  assert.deepEqual(await mustRun(clone, 'for-each-ref', '--format=%(refname)', 'refs/hawser'), '');
  for (const version of ['0', '1', '2']) {
    const env = { GIT_TRACE_PACKET: '1', ...world.gitEnv('laptop') };
    const { output } = await world.runGit(clone, ['-c', `protocol.version=${version}`, 'ls-remote'], env);
    assert.match(output, new RegExp(commit));
    assert.equal(/< version (\d)/.exec(output)?.[1] ?? '0', version);
  }
});

test('the log of a deploy comes while it runs', async (t) => {
  const gate = Promise.withResolvers<void>();
  const outcome: SshWorldOptions['outcome'] = async (_deploy, write) => {
    write('       half way');
    await gate.promise;
    return 'live';
  };
  const { world, source } = await open(t, { outcome });
  const child = world.startGit('laptop', source, 'push', 'deploy', 'main');
  let output = '';
  child.stderr.on('data', (chunk) => (output += chunk));
  await eventually(() => output.includes('half way'), patience);
  assert.equal(child.exitCode, null);
  gate.resolve();
  assert.deepEqual(await once(child, 'close'), [0, null]);
});

test('Ctrl-C while it is followed ends the following, not the deploy', async (t) => {
  const stopped = Promise.withResolvers<void>();
  const outcome: SshWorldOptions['outcome'] = async (_deploy, _write, signal) => {
    // The client may be gone before it is followed at all.
    if (!signal.aborted) await once(signal, 'abort');
    stopped.resolve();
    throw signal.reason;
  };
  const { world, source, id } = await open(t, { outcome });
  const child = world.startGit('laptop', source, 'push', 'deploy', 'main');
  await eventually(() => world.recorded.length === 1, patience);
  killClient(child);
  await stopped.promise;
  assert.equal(await world.store.readRef(id, 'refs/hawser/deploys/1'), world.recorded[0]?.commit);
  await eventually(() => assert.deepEqual(world.processes(), []) ?? true, patience);
});

test('a client that leaves in its upload leaves no deploy, no process and no quarantine', async (t) => {
  const { world, source, id } = await open(t);
  await commitFile(source, 'noise', randomBytes(20 * 2 ** 20));
  const objects = join(world.store.path(id), 'objects');
  const child = world.startGit('laptop', source, 'push', 'deploy', 'main');
  const arriving = async () =>
    (await readdir(objects)).some((name) => name.startsWith('tmp_objdir-incoming'));
  await eventually(() => arriving().catch(() => false), { ...patience, intervalMs: 1 });
  killClient(child);
  await eventually(() => assert.deepEqual(world.processes(), []) ?? true, patience);
  assert.deepEqual(
    (await readdir(objects)).filter((name) => name.startsWith('tmp_')),
    [],
  );
  assert.equal(world.recorded.length, 0);
});

test('a push that is too large is refused as over HTTP, and nothing of it stays', async (t) => {
  const { world, source, id } = await open(t, { limits: { push: 2 ** 20 } });
  assert.equal((await world.git('laptop', source, 'push', 'deploy', 'main')).code, 0);
  await commitFile(source, 'noise', randomBytes(8 * 2 ** 20));
  const { code, output } = await world.git('laptop', source, 'push', 'deploy', 'main');
  assert.notEqual(code, 0);
  assert.match(output, /error\[push_too_large\]: the push is larger than 1 MiB/);
  await eventually(() => assert.deepEqual(world.processes(), []) ?? true, patience);
  const left = await readdir(join(world.store.path(id), 'objects'));
  assert.deepEqual(
    left.filter((name) => name.startsWith('tmp_')),
    [],
  );
});

test('a key has the rights of a token: one app or all, and none once it is removed', async (t) => {
  const { world, source } = await open(t);
  const blog = await createApp(world.api.db, 'blog', 'test');
  const reader = await world.makeKey('reader', ['read']);
  await world.makeKey('of-blog', ['push'], blog.id);
  await world.makeKey('maker', ['create']);
  assert.equal((await world.git('laptop', source, 'push', 'deploy', 'main')).code, 0);
  assert.match((await world.git('reader', source, 'ls-remote', 'deploy')).output, /refs\/heads\/main/);
  const refusals: [string, string, RegExp][] = [
    ['reader', 'shop', /error\[not_allowed\]: "reader" may not push shop/],
    ['of-blog', 'shop', /error\[app_not_found\]/],
    ['laptop', 'fresh', /error\[app_not_found\]/],
    ['maker', 'api', /error\[invalid_app_name\]/],
  ];
  for (const [key, app, reason] of refusals) {
    const { code, output } = await world.git(key, source, 'push', world.remote(app), 'main');
    assert.equal(code, 128, output);
    assert.match(output, reason);
  }
  for (const [key, app] of [
    ['of-blog', 'blog'],
    ['maker', 'fresh'],
  ] as const) {
    const pushed = await world.git(key, source, 'push', world.remote(app), 'main');
    assert.equal(pushed.code, 0, pushed.output);
  }
  await world.removeKey(reader);
  assert.match(
    (await world.git('reader', source, 'ls-remote', 'deploy')).output,
    /Permission denied \(publickey\)/,
  );
});

test('keys of every kind come in, and no signature of SHA-1', async (t) => {
  const { world } = await open(t);
  const kinds: [string, ...string[]][] = [
    ['ecdsa256', '-t', 'ecdsa', '-b', '256'],
    ['ecdsa384', '-t', 'ecdsa', '-b', '384'],
    ['ecdsa521', '-t', 'ecdsa', '-b', '521'],
    ['rsa', '-t', 'rsa', '-b', '2048'],
  ];
  for (const [name, ...how] of kinds) {
    await world.makeKey(name, ['read'], null, ...how);
    const { code, stdout, stderr } = await world.ssh(name, []);
    assert.equal(code, 0, `${name}: ${stderr}`);
    assert.match(stdout, new RegExp(`You are "${name}" and can read on all apps`));
  }
  const algorithms = (list: string) => ['-o', `PubkeyAcceptedAlgorithms=${list}`];
  assert.equal((await world.ssh('rsa', [], algorithms('rsa-sha2-256'))).code, 0);
  assert.equal((await world.ssh('rsa', [], algorithms('ssh-rsa'))).code, 255);
});
