import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGit } from '../../src/receive/git/repositories.ts';
import { type GitObject, makeCommit, writeBlob, writeObject, writeTree } from '../support/git-objects.ts';

/** Two commits whose ids begin with the same seven digits; of some ten thousand there are always two. */
function findPair(tree: string): [GitObject, GitObject] {
  const seen = new Map<string, GitObject>();
  for (let count = 0; ; count += 1) {
    const commit = makeCommit(tree, `change ${count}`);
    const front = commit.oid.slice(0, 7);
    const other = seen.get(front);
    if (other !== undefined) return [other, commit];
    seen.set(front, commit);
  }
}

test('a commit is found by its first digits, and by nothing else', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-find-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const git = openGit({ repositories: join(folder, 'repositories') });
  await assert.rejects(git.findCommit('a1', 'a'.repeat(40)), { code: 'commit_not_found' });
  await git.initRepository('a1');
  mkdirSync(join(folder, 'work'));
  symlinkSync(git.path('a1'), join(folder, 'work', '.git'));
  const source = join(folder, 'work');
  const blob = await writeBlob(source, 'FROM scratch\n');
  const tree = await writeTree(source, [{ mode: '100644', name: 'Dockerfile', oid: blob }]);
  const [one, other] = findPair(tree);
  const [first, second] = [await writeObject(source, one), await writeObject(source, other)];
  const lone = await writeObject(source, makeCommit(tree, 'alone'));
  for (const digits of [lone, lone.slice(0, 7), lone.slice(0, 12)]) {
    assert.equal(await git.findCommit('a1', digits), lone);
  }
  assert.equal(await git.findCommit('a1', first), first);
  const refused: Record<string, readonly string[]> = {
    commit_ambiguous: [first.slice(0, 7), second.slice(0, 7)],
    not_a_commit: [tree, tree.slice(0, 8), blob],
    commit_not_found: ['0'.repeat(40), '0'.repeat(7)],
    commit_id_invalid: [
      ...['--help', 'HEAD', 'HEAD~1;x', 'main', '', lone.slice(0, 6), `${lone}0`, lone.toUpperCase()],
      ...[
        `${lone}^{tree}`,
        `${lone}\n`,
        `${lone}:Dockerfile`,
        `-${lone.slice(1)}`,
        `$(id)`,
        'z'.repeat(5000),
      ],
    ],
  };
  for (const [code, all] of Object.entries(refused)) {
    for (const digits of all) await assert.rejects(git.findCommit('a1', digits), { code }, digits);
  }
});
