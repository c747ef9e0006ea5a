import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository, readApp } from '../support/repository.ts';

const app = `pre${process.pid}`;
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '1s', stopTimeout: '2s' };

const hello = await readApp('hello');
/** Its page is what a service of its own says, and where that was found. */
const withStore = {
  'app.json': JSON.stringify({
    hawser: {
      services: {
        store: {
          image: 'hawser-base/busybox',
          command: ['sh', '-c', 'mkdir /tmp/s && echo kept > /tmp/s/kept && exec httpd -f -p 7000 -h /tmp/s'],
          port: 7000,
          url: 'http://{host}:{port}/kept',
        },
      },
    },
  }),
  'serve.sh': `echo "$(wget -qO- "$STORE_URL") at $STORE_URL" > version.txt\n${hello['serve.sh']}`,
};

let world: DeployWorld;
let repository: Repository;

before(async () => {
  world = await openDeployWorld(2, {
    environments: { production: { branches: ['main'], rollout } },
    previews: { branches: 'preview/*', ttl: '3d', domain: '{branch}.{app}.localhost', limit: 2 },
  });
  repository = await makeRepository('hello');
  const { code, stderr } = await push('main');
  assert.equal(code, 0, stderr);
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function push(branch: string, options: readonly string[] = [], what = 'HEAD') {
  return repository.push(world.hawser.remote(app), { refspec: `${what}:refs/heads/${branch}`, options });
}

async function listEnvironments(): Promise<string[]> {
  const { stdout } = await world.hawser.cli('apps:info', '-a', app, '--json');
  return JSON.parse(stdout).environments.map(({ name }: { name: string }) => name);
}

async function listReleases(): Promise<string[]> {
  const containers = await world.containersOf(app);
  return containers.map(({ labels }) => `${labels['hawser.env']} v${labels['hawser.release']}`).sort();
}

async function isGone(env: string): Promise<boolean> {
  const names = await listEnvironments();
  return !names.includes(env) && (await listReleases()).every((name) => !name.startsWith(env));
}

test('a plan says what a push would do on every server, and nothing is changed', async () => {
  await repository.commit({ 'version.txt': 'planned\n' });
  const { code, stderr } = await push('main', ['plan']);
  assert.notEqual(code, 0);
  assert.match(stderr, /Plan of v2 for .*\/production: push of [0-9a-f]{7}/);
  assert.match(stderr, /commit: [0-9a-f]{7} -> [0-9a-f]{7}/);
  assert.match(stderr, /app1 {2}.*start .*-production-v2-web-1; admit .*retire .*-production-v1-web-1/);
  assert.match(stderr, /\[remote rejected\] HEAD -> main \(planned only, nothing was changed\)/);
  assert.deepEqual(await listReleases(), ['production v1', 'production v1']);
  using ledger = openLedgerFile(world.hawser.data);
  assert.equal(ledger.all('select id from deploys').length, 1);
});

test('what a command would do is planned in the same way', async () => {
  const scale = await world.hawser.cli('ps:scale', 'web=3', '-a', app, '-e', 'production', '--plan');
  assert.equal(scale.code, 0, scale.stderr);
  assert.match(scale.stdout, /Plan of v2 for .*: change of settings/);
  assert.match(scale.stdout, /process web: one on every server -> 3/);
  assert.match(scale.stdout, /app1 {2}has the image; start .*-v2-web-1, .*-v2-web-3;/);
  const config = await world.hawser.cli('config:set', 'KEY=secret', '-a', app, '--plan', '--json');
  assert.deepEqual(JSON.parse(config.stdout).difference.vars, [{ name: 'KEY', change: 'added' }]);
  assert.doesNotMatch(config.stdout, /secret/);
  const rollback = await world.hawser.cli('rollback', 'v1', '-a', app, '--plan');
  assert.match(rollback.stderr, /already_live/);
  assert.deepEqual(await listReleases(), ['production v1', 'production v1']);
});

test('pushing a branch of previews makes an environment, which goes whole when the branch is deleted', async () => {
  await repository.commit({ 'version.txt': 'form one\n' });
  const first = await push('preview/form');
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, new RegExp(`Released v1 {2}http://form\\.${app}\\.localhost`));
  assert.deepEqual(await world.listAnswers(`form.${app}.localhost`), ['200 form one']);
  assert.deepEqual(await world.listAnswers(`${app}.localhost`), ['200 one']);
  assert.deepEqual(await listEnvironments(), ['preview-form', 'production']);

  await repository.git('commit', '-q', '--amend', '-m', 'written anew');
  await repository.commit({ 'version.txt': 'form two\n', ...withStore });
  const again = await push('preview/form', [], '+HEAD');
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /Starting store for preview-form/);
  assert.match(again.stderr, /store \(hawser-base\/busybox\) is ready/);
  assert.deepEqual(await world.listAnswers(`form.${app}.localhost`), ['200 kept at http://store:7000/kept']);
  await repository.commit({ 'serve.sh': hello['serve.sh'] ?? '', 'app.json': null });

  const gone = await push('preview/form', [], '');
  assert.equal(gone.code, 0, gone.stderr);
  await eventually(() => isGone('preview-form'), { timeoutMs: 60_000 });
  const { status } = await world.hawser.fetch(`form.${app}.localhost`);
  assert.equal(status, 404);
  assert.deepEqual(await world.listAnswers(`${app}.localhost`), ['200 one']);
});

test('there are as many previews as the limit says, and one that is too old goes by itself', async () => {
  for (const name of ['a', 'b']) {
    const { code, stderr } = await push(`preview/${name}`);
    assert.equal(code, 0, stderr);
  }
  const refused = await push('preview/c');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /error\[too_many_previews\]: .* has 2 previews, as many as it may: /);
  makeOlder('preview-a');
  // The upkeep looks for old previews when it starts, and then once a minute.
  await world.hawser.kill('worker-rollout');
  await eventually(() => isGone('preview-a'), { timeoutMs: 60_000 });
  const branches = await repository.git('ls-remote', '--heads', world.hawser.remote(app));
  assert.doesNotMatch(branches, /preview\/a/);
  assert.deepEqual(await world.listAnswers(`b.${app}.localhost`), ['200 form two']);
});

/** Four days pass for the deploys of an environment. */
function makeOlder(env: string): void {
  using ledger = new DatabaseSync(join(world.hawser.data, 'ledger.db'), { timeout: 10_000 });
  ledger
    .prepare(
      `update deploys set created_at = ? where environment_id in (select id from environments where name = ?)`,
    )
    .run(new Date(Date.now() - 4 * 86_400_000).toISOString(), env);
}
