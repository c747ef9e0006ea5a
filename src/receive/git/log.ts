import { Failure } from '../../failure.ts';
import { runGit } from './process.ts';

/** `author` is a name, `message` the subject line, `time` ISO 8601. */
export type Commit = {
  readonly commit: string;
  readonly author: string;
  readonly message: string;
  readonly time: string;
};

const unit = '\x1f';

/** Commits that are in `to` and not in `from`, the newest first, at most so many. */
export async function listCommits(
  repository: string,
  from: string,
  to: string,
  most: number,
): Promise<Commit[]> {
  const format = `--format=%H${unit}%an${unit}%cI${unit}%s`;
  const args = ['--git-dir', repository, 'log', '-z', `--max-count=${most}`, format, to, `^${from}`, '--'];
  const said = await runGit(args);
  if (said.code === 0) return said.stdout.toString('utf8').split('\0').flatMap(parseCommit);
  // A source out of retention is swept: what came since then cannot be told any more.
  if (/bad object|bad revision|unknown revision/.test(said.stderr)) return [];
  throw new Failure('git_failed', `listing the commits up to ${to}: ${said.stderr.trim()}`);
}

function parseCommit(line: string): Commit[] {
  const [commit = '', author = '', time = '', ...message] = line.split(unit);
  return commit === '' ? [] : [{ commit, author, message: message.join(unit), time }];
}
