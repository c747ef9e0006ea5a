import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Failure } from '../failure.ts';
import { spawnGit } from './git/process.ts';

export type ObjectInfo = {
  readonly oid: string;
  readonly type: 'commit' | 'tree' | 'blob' | 'tag';
  readonly size: number;
};
export type GitObject = ObjectInfo & { readonly data: Buffer };

/** Two gits that answer for many objects over pipes; answers come in the order of the questions. */
export type ObjectReader = {
  /** Type and size without content; null for one that is missing. */
  inspect(names: readonly string[]): Promise<(ObjectInfo | null)[]>;
  /** Content, held in memory: inspect the size before. Null for one that is missing. */
  read(names: readonly string[]): Promise<(GitObject | null)[]>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** `env` carries the quarantine of a push, if its objects are still in it. */
export function openObjectReader(
  repository: string,
  env: Readonly<Record<string, string>> = {},
): ObjectReader {
  const checks = openBatch(['--git-dir', repository, 'cat-file', '--batch-check'], env, takeInfo);
  const contents = openBatch(['--git-dir', repository, 'cat-file', '--batch'], env, takeObject);
  return {
    inspect: checks.ask,
    read: contents.ask,
    async [Symbol.asyncDispose]() {
      await Promise.all([checks.close(), contents.close()]);
    },
  };
}

/** Takes one answer from the front: undefined when it has not arrived whole. */
type Take<A> = (bytes: Buffer) => { answer: A | null; end: number } | undefined;

type Question<A> = {
  wanted: number;
  answers: (A | null)[];
  resolve(answers: (A | null)[]): void;
  reject(error: Error): void;
};

function openBatch<A>(args: readonly string[], env: Readonly<Record<string, string>>, take: Take<A>) {
  let git: ChildProcessWithoutNullStreams | null = null;
  let ended: Promise<unknown> = Promise.resolve();
  let failed: Error | null = null;
  const questions: Question<A>[] = [];
  let held: Buffer[] = [];
  let heldSize = 0;
  let needed = 1;

  const fail = (error: Error) => {
    failed ??= error;
    for (const question of questions.splice(0)) question.reject(failed);
  };
  const receive = (chunk: Buffer) => {
    held.push(chunk);
    heldSize += chunk.length;
    if (heldSize < needed) return;
    let bytes = Buffer.concat(held, heldSize);
    for (let taken = take(bytes); taken !== undefined; taken = take(bytes)) {
      bytes = bytes.subarray(taken.end);
      answer(questions, taken.answer);
    }
    held = [bytes];
    heldSize = bytes.length;
    // Doubling what is waited for keeps the joining of a large object linear.
    needed = bytes.indexOf(10) < 0 ? heldSize + 1 : Math.min(heldSize * 2, wholeSize(bytes));
  };
  const start = () => {
    const child = spawnGit(args, { env });
    let stderr = '';
    child.on('error', (error) =>
      fail(new Failure('git_failed', `git did not start: ${error.message}`, { cause: error })),
    );
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 4096) stderr += chunk.toString();
    });
    child.stdout.on('data', receive);
    ended = new Promise((resolve) => child.on('close', resolve));
    child.on('close', (code) =>
      fail(new Failure('git_failed', `git cat-file ended with ${code}: ${stderr.trim()}`)),
    );
    return child;
  };

  return {
    ask(names: readonly string[]): Promise<(A | null)[]> {
      if (names.length === 0) return Promise.resolve([]);
      if (failed !== null) return Promise.reject(failed);
      git ??= start();
      const child = git;
      return new Promise((resolve, reject) => {
        questions.push({ wanted: names.length, answers: [], resolve, reject });
        child.stdin.write(`${names.join('\n')}\n`);
      });
    },
    async close() {
      git?.kill('SIGKILL');
      await ended;
    },
  };
}

function answer<A>(questions: Question<A>[], given: A | null): void {
  const question = questions[0];
  if (question === undefined) return;
  question.answers.push(given);
  if (question.answers.length < question.wanted) return;
  questions.shift();
  question.resolve(question.answers);
}

function takeInfo(bytes: Buffer): { answer: ObjectInfo | null; end: number } | undefined {
  const end = bytes.indexOf(10);
  if (end < 0) return undefined;
  const words = bytes.toString('latin1', 0, end).split(' ');
  if (words.at(-1) === 'missing') return { answer: null, end: end + 1 };
  const [oid = '', type = '', size = ''] = words;
  return { answer: { oid, type: type as ObjectInfo['type'], size: Number(size) }, end: end + 1 };
}

function takeObject(bytes: Buffer): { answer: GitObject | null; end: number } | undefined {
  const head = takeInfo(bytes);
  if (head === undefined) return undefined;
  if (head.answer === null) return { answer: null, end: head.end };
  const dataEnd = head.end + head.answer.size;
  if (bytes.length < dataEnd + 1) return undefined;
  return {
    answer: { ...head.answer, data: Buffer.from(bytes.subarray(head.end, dataEnd)) },
    end: dataEnd + 1,
  };
}

function wholeSize(bytes: Buffer): number {
  const head = takeInfo(bytes);
  return head?.answer == null ? bytes.length + 1 : head.end + head.answer.size + 1;
}
