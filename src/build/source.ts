import type { Readable } from 'node:stream';

/** The files of one commit, read as git objects; nothing of it is ever on our own disk. */
export type SourceFiles = {
  /** A tar of the whole commit. */
  archive(): Readable;
  /** Null when the file is missing; throws a Failure for what is no plain file, or too large. */
  readFile(path: string, maxBytes: number): Promise<Buffer | null>;
  /** Paths of files; the list has a limit. */
  listFiles(): Promise<readonly string[]>;
};
