import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sweep } from '../../src/receive/git/sweep.ts';
import { cliCases } from '../bad-inputs/cli-cases.ts';
import { type GitCase, gitCases } from '../bad-inputs/git-cases.ts';
import { assertNoCanary, openTraces } from '../bad-inputs/traces.ts';
import { openApiWorld } from '../support/api-world.ts';
import { runCommand } from '../support/command-line.ts';
import { makeSource, mustRun, runClient } from '../support/receive-world.ts';
import { openSshWorld } from '../support/ssh-world.ts';

after(assertNoCanary);

function wordsOf(url: string, { refs = ['main'], options = [] }: GitCase): string[] {
  return ['push', ...options.flatMap((option) => ['-o', option]), url, ...refs];
}

/** In fours, as more are not received at once. */
async function inFours<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += 4)
    results.push(...(await Promise.all(all.slice(at, at + 4).map(work))));
  return results;
}

test('every bad push is refused by its code, over HTTP as over SSH, and leaves nothing', async (t) => {
  const world = await openSshWorld(t);
  await world.makeKey('ada', ['push']);
  const source = await makeSource(world.folder, 'source', world.url());
  await mustRun(source, 'push', '-q', 'deploy', 'main:refs/tags/v1');
  const first = await world.git('ada', source, 'push', '-q', world.remote(), 'main:refs/tags/v1');
  assert.equal(first.code, 0, first.output);
  await mustRun(source, 'commit', '-q', '--allow-empty', '-m', 'refused');
  const commit = await mustRun(source, 'rev-parse', 'HEAD');
  const folders = [join(world.folder, 'repositories'), world.api.config.data];
  const records = ['audit', 'audit_entries', 'audit_head', 'keys', 'tokens'];
  const traces = await openTraces({ db: world.api.db, logged: world.logged, folders, records });
  const wrong: string[] = [];
  const judge = (
    door: string,
    { row, what, says }: GitCase,
    { code, output }: { code: number | null; output: string },
  ) => {
    if (code === 0 || !says.test(output))
      wrong.push(`${row} ${door} ${JSON.stringify(what)}: ${code} ${output}`);
    assert.doesNotMatch(output.replaceAll('\u001b[K', ''), /(?![\t\r\n])\p{Cc}/u, what);
  };
  await inFours(gitCases, async (one) => {
    const app = one.app === undefined ? 'shop' : encodeURIComponent(one.app);
    judge('http', one, await runClient(source, wordsOf(world.url(app), one)));
  });
  await inFours(gitCases, async (one) => {
    const url = `ssh://git@127.0.0.1:${world.port}/${one.app ?? 'shop'}.git`;
    judge('ssh', one, await world.git('ada', source, ...wordsOf(url, one)));
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual(world.processes(), []);
  await traces.assertNone();
  // What was refused ref by ref is out of quarantine by then: the sweep of the repositories takes it.
  const repository = world.store.path('id-shop');
  await sweep(repository, -60_000);
  assert.notEqual((await runClient(repository, ['cat-file', '-e', commit])).code, 0);
});

test('what a client may well have is answered, and harms nothing', async (t) => {
  const world = await openSshWorld(t);
  const source = await makeSource(world.folder, 'source', world.url());
  await mustRun(source, 'commit', '-q', '--allow-empty', '-m', 'next');
  await mustRun(source, 'push', '-q', 'deploy', 'main');
  // push-08
  assert.match((await runClient(source, ['push', 'deploy', 'main'])).output, /Everything up-to-date/);
  // push-09
  const empty = join(world.folder, 'empty');
  await mustRun(world.folder, 'init', '-q', '-b', 'main', empty);
  assert.match((await runClient(empty, ['push', world.url(), 'main'])).output, /does not match any/);
  // push-25
  const shallow = join(world.folder, 'shallow');
  await mustRun(world.folder, 'clone', '-q', '--depth', '1', `file://${source}`, shallow);
  await mustRun(shallow, 'commit', '-q', '--allow-empty', '-m', 'on top');
  const pushed = await runClient(shallow, ['push', world.url(), 'HEAD:main']);
  assert.equal(pushed.code, 0, pushed.output);
  // push-27
  const other = join(world.folder, 'sha256');
  await mustRun(world.folder, 'init', '-q', '-b', 'main', '--object-format=sha256', other);
  await mustRun(other, 'commit', '-q', '--allow-empty', '-m', 'first');
  const refused = await runClient(other, ['push', world.url(), 'main']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /hash algorithm|object format|algorithms/);
});

test('every bad command ends with its exit code, its code and its next step, and leaves nothing', async (t) => {
  const world = await openApiWorld(t);
  await world.finish(await world.queue());
  const { db, logged } = world;
  const folders = [world.config.data];
  const records = ['audit', 'audit_entries', 'audit_head'];
  const traces = await openTraces({ db, logged, folders, records });
  await inFours(cliCases, async ({ row, argv, exit, says }) => {
    const at = argv.includes('--') ? argv.indexOf('--') : argv.length;
    const words = [...argv.slice(0, at), '--config', world.config.file, ...argv.slice(at)];
    const { code, stdout, stderr } = await runCommand(words);
    assert.equal(code, exit, `${row} ${argv.join(' ')}: ${stderr}`);
    assert.match(stderr, says, row);
    assert.match(stderr, /fix: \S/, row);
    assert.equal(stdout, '');
  });
  await traces.assertNone();
});
