import type { SourceFiles } from '../../build/source.ts';
import { Failure } from '../../failure.ts';
import type { Git } from '../../receive/git/repositories.ts';

const fileLimit = 100_000;

/** The files of a commit, read as git objects: never a checkout, and never through a symlink. */
export function openSource(git: Git, repository: string, commit: string): SourceFiles {
  return {
    archive: () => git.archive(repository, commit),
    async readFile(path, maxBytes) {
      const read = await git.readBlob(repository, commit, path, { maxBytes });
      if (read.kind === 'file') return read.bytes;
      if (read.kind === 'missing') return null;
      if (read.kind === 'too_large') {
        throw new Failure(
          'file_too_large',
          `${path} has ${read.size} bytes; ${maxBytes} are read of it at most.`,
        );
      }
      throw new Failure('not_a_file', `${path} is a ${read.kind} in this commit; it must be a plain file.`);
    },
    async listFiles() {
      const tree = await git.listTree(repository, commit, { recursive: true, maxEntries: fileLimit });
      return tree.entries.map((entry) => entry.path);
    },
  };
}
