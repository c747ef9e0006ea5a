import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previewsEnv } from '../../src/model/access.ts';
import { setDisabled } from '../../src/store/access/users.ts';
import { commitFile, environment, makeSource, openWorld, runClient } from '../support/receive-world.ts';
import { openSshWorld } from '../support/ssh-world.ts';
import { makeUser } from '../support/users.ts';

const environments = () => [environment('production', ['main'], ['v*']), environment('staging', ['develop'])];
const refusal = (env: string) => `you may not push to ${env}: that needs the right "push" there`;

test('who may push to staging alone pushes, moves and deletes nothing of production, by no way round', async (t) => {
  const world = await openSshWorld(t, { environments: environments() });
  await world.makeKey('all', ['push']);
  const { id } = await world.makeKey('intern', ['push'], world.api.shop.app.id);
  await world.api.db.updateTable('keys').set({ env: 'staging' }).where('id', '=', id).execute();
  const source = await makeSource(world.folder, 'source', world.remote());
  const push = (...args: string[]) => world.git('intern', source, 'push', ...args);
  const good = await push('deploy', 'main:develop');
  assert.equal(good.code, 0, good.output);
  assert.equal(world.recorded[0]?.environment, 'staging');
  assert.equal((await world.git('all', source, 'push', 'deploy', 'main')).code, 0);
  await world.git('all', source, 'tag', 'v1');
  assert.equal((await world.git('all', source, 'push', '-o', 'skip', 'deploy', 'v1')).code, 0);
  const before = (await world.git('intern', source, 'ls-remote', 'deploy')).output;
  await commitFile(source, 'more', 'x');
  const ways = [
    ['deploy', 'main'],
    ['-o', 'skip', 'deploy', 'main'],
    ['-o', 'env=staging', 'deploy', 'main'],
    ['-o', 'env=production', 'deploy', 'main:develop'],
    ['-o', 'env=production', 'deploy', 'main:feature'],
    ['-o', 'env=production', '-o', 'plan', 'deploy', 'main:feature'],
    ['deploy', 'main:refs/tags/v2'],
    ['deploy', ':main'],
    ['deploy', ':refs/tags/v1'],
  ];
  for (const way of ways) {
    const { code, output } = await push(...way);
    assert.equal(code, 1, output);
    assert.match(output, /error\[not_allowed\]/);
    assert.ok(output.includes(refusal('production')), output);
  }
  assert.equal((await world.git('intern', source, 'ls-remote', 'deploy')).output, before);
  assert.equal(world.recorded.length, 2);
  const both = await push('deploy', 'main', 'main:develop');
  assert.match(both.output, /main -> main \(you may not push to production/);
  assert.match(both.output, /main -> develop/);
  assert.equal(world.recorded.at(-1)?.environment, 'staging');
});

test('a key of a user may what the user may, and nothing once the user is disabled', async (t) => {
  const world = await openSshWorld(t, { environments: environments() });
  const { db, shop } = world.api;
  const { user } = await makeUser(db, 'ada', { appId: shop.app.id, env: 'staging', role: 'developer' });
  const { id } = await world.makeKey('laptop', ['admin']);
  await db.updateTable('keys').set({ user_id: user.id }).where('id', '=', id).execute();
  const source = await makeSource(world.folder, 'source', world.remote());
  const push = (ref: string) => world.git('laptop', source, 'push', 'deploy', ref);
  assert.ok((await push('main')).output.includes(refusal('production')));
  assert.equal((await push('main:develop')).code, 0);
  assert.equal(world.recorded[0]?.actor, 'ada');
  const me = await world.ssh('laptop', ['whoami', '--json']);
  assert.equal(JSON.parse(me.stdout).name, 'ada', me.stderr);
  await setDisabled(db, user, true);
  assert.match((await push('main:develop')).output, /Permission denied \(publickey\)/);
});

test('who may push to previews makes, changes and deletes them, and pushes to nothing else', async (t) => {
  const previews = { branches: ['preview/*'], like: 'production', configFrom: null, limit: 10 };
  const rest = { ttlMs: 1, domain: '{branch}.{app}.example.com' };
  const world = await openSshWorld(t, { environments: environments(), previews: { ...previews, ...rest } });
  const { db, shop } = world.api;
  for (const [name, env] of [
    ['guest', previewsEnv],
    ['one', 'preview-login'],
  ] as const) {
    const { id } = await world.makeKey(name, ['push'], shop.app.id);
    await db.updateTable('keys').set({ env }).where('id', '=', id).execute();
  }
  const source = await makeSource(world.folder, 'source', world.remote());
  const push = (key: string, ...refs: string[]) => world.git(key, source, 'push', 'deploy', ...refs);
  for (const branch of ['preview/login', 'preview/other'])
    assert.equal((await push('guest', `main:${branch}`)).code, 0, branch);
  assert.deepEqual(
    world.recorded.map((deploy) => deploy.environment),
    ['preview-login', 'preview-other'],
  );
  for (const ref of ['main', 'main:develop'])
    assert.match((await push('guest', ref)).output, /you may not push to (production|staging)/);
  assert.ok((await push('one', ':preview/other')).output.includes(refusal('preview-other')));
  assert.equal((await push('one', ':preview/login')).code, 0);
  assert.equal((await push('guest', ':preview/other')).code, 0);
});

test('the same is asked over HTTP', async (t) => {
  const world = await openWorld({ environments: environments(), mayPush: (env) => env === 'staging' });
  t.after(() => world[Symbol.asyncDispose]());
  const source = await makeSource(world.folder, 'source', world.url());
  const refused = await runClient(source, ['push', 'deploy', 'main']);
  assert.equal(refused.code, 1);
  assert.ok(refused.output.includes(refusal('production')), refused.output);
  const taken = await runClient(source, ['push', 'deploy', 'main:develop']);
  assert.equal(taken.code, 0, taken.output);
});
