import { Failure } from '../../failure.ts';
import { openObjectReader } from '../object-reader.ts';
import { requireGit } from './process.ts';

/**
 * The full id of a commit by its first digits, as git itself reads them: what else begins so is no hindrance. Null is a
 * repository to which nothing was pushed. Throws
 * `commit_id_invalid`, `commit_ambiguous`, `commit_not_found` and `not_a_commit`.
 */
export async function findCommit(repository: string | null, digits: string): Promise<string> {
  const shown = JSON.stringify(digits.length > 80 ? `${digits.slice(0, 79)}…` : digits);
  // Nothing but digits ever reaches git: no option, no expression, no name of a branch.
  if (!/^[0-9a-f]{7,40}$/.test(digits)) {
    throw new Failure('commit_id_invalid', `${shown} is no id of a commit: 7 to 40 digits of 0-9 and a-f.`);
  }
  const missing = new Failure('commit_not_found', `The app has no commit ${shown}.`);
  if (repository === null) throw missing;
  const said = await requireGit(
    ['--git-dir', repository, 'rev-parse', `--disambiguate=${digits}`],
    `looking for ${digits}`,
  );
  await using reader = openObjectReader(repository);
  const found = (await reader.inspect(said.toString().split('\n').filter(Boolean))).filter(
    (each) => each !== null,
  );
  const commits = found.filter(({ type }) => type === 'commit');
  const [commit, other] = commits;
  if (other !== undefined) {
    throw new Failure('commit_ambiguous', `${shown} begins ${commits.length} commits of the app.`);
  }
  if (commit !== undefined) return commit.oid;
  const [object] = found;
  if (object === undefined) throw missing;
  throw new Failure('not_a_commit', `${shown} is a ${object.type} and no commit.`, {
    fix: 'Give the id of a commit, as git log shows it.',
  });
}
