import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGit } from '../../src/receive/git/repositories.ts';
import { getSource } from '../../src/store/sources.ts';
import { planFolders } from '../../src/supervise/folders.ts';
import { openApiWorld } from '../support/api-world.ts';
import { writeBlob, writeCommit, writeTree } from '../support/git-objects.ts';

test('a commit that was pushed is deployed by its id, as a push is', async (t) => {
  const proved = { branches: [], promoteFrom: 'production' };
  const world = await openApiWorld(
    t,
    {},
    {
      environments: { production: { branches: ['main'] }, staging: { branches: ['next'] }, proved },
    },
  );
  const { app } = world.shop;
  const { repositories } = planFolders(world.config.data);
  const git = openGit({ repositories });
  await git.initRepository(app.id);
  const source = join(repositories, 'work');
  mkdirSync(source);
  symlinkSync(git.path(app.id), join(source, '.git'));
  const blob = await writeBlob(source, 'FROM scratch\n');
  const plain = { mode: '100644', name: 'Dockerfile', oid: blob };
  const commit = await writeCommit(source, await writeTree(source, [plain]));
  const link = await writeCommit(source, await writeTree(source, [{ ...plain, mode: '120000' }]));
  const token = await world.makeToken(null, 'deploy');
  const post = (body: object) => world.ask('POST', '/api/v1/apps/shop/deploys', { token, body });

  const made = await post({ commit: commit.slice(0, 7), env: 'staging', noCache: true });
  assert.equal(made.status, 202, made.text);
  const { id } = made.json;
  const [row] = await world.db.selectFrom('deploys').selectAll().where('id', '=', id).execute();
  assert.ok(row?.source_id);
  assert.deepEqual([row.kind, row.state, JSON.parse(row.options)], ['push', 'queued', { noCache: true }]);
  const recorded = await getSource(world.db, row.source_id);
  const ref = `refs/hawser/deploys/${id}`;
  assert.deepEqual([recorded.commit, recorded.ref, recorded.message], [commit, ref, 'made by hand']);
  // Kept under a ref of the deploy, and no branch is made or moved.
  assert.deepEqual(await git.listRefs(app.id, 'refs/'), [{ ref, oid: commit }]);
  // Asked again while it is on its way, it is that deploy.
  assert.equal((await post({ commit, env: 'staging' })).json.id, id);
  assert.equal((await git.listRefs(app.id, 'refs/')).length, 1);

  const code = async (body: object) => {
    const { status, json } = await post(body);
    return `${status} ${json.code}`;
  };
  assert.equal(await code({ commit: '--help' }), '400 commit_id_invalid');
  assert.equal(await code({ commit: 'HEAD~1;x' }), '400 commit_id_invalid');
  assert.equal(await code({ commit: '0'.repeat(40) }), '404 commit_not_found');
  assert.equal(await code({ commit: blob }), '400 not_a_commit');
  // Of a push only the newest commit is looked at; this one is looked at here.
  assert.equal(await code({ commit: link }), '400 dockerfile_is_symlink');
  assert.match(await code({ commit, env: 'proved' }), /promotion_only/);
  assert.equal(await code({ commit, image: 'nginx:1' }), '400 invalid_input');
  assert.equal(await code({}), '400 invalid_input');
  assert.equal(await code({ image: 'nginx:1', noCache: true }), '400 invalid_input');
  // What a gate refuses leaves no ref.
  await world.ask('POST', '/api/v1/apps/shop/lock', {
    token: await world.makeToken(null, 'admin'),
    body: { message: 'hands off' },
  });
  assert.equal(await code({ commit }), '409 app_locked');
  assert.equal((await git.listRefs(app.id, 'refs/')).length, 1);
  assert.equal((await world.db.selectFrom('deploys').select('id').execute()).length, 1);
});
