import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Failure } from '../failure.ts';
import { spawnGit } from './git/process.ts';

export type ObjectInfo = {
  readonly oid: string;
  readonly type: 'commit' | 'tree' | 'blob' | 'tag';
  readonly size: number;
};
export type GitObject = ObjectInfo & { readonly data: Buffer };

/** One git that answers for many objects over pipes; answers come in the order of the questions. */
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
  const git = openBatch(['--git-dir', repository, 'cat-file', '--batch-command'], env);
  return {
    inspect: (names) => git.ask('info', names, takeInfo),
    read: (names) => git.ask('contents', names, takeObject),
    [Symbol.asyncDispose]: () => git.close(),
  };
}

/** Takes one answer from the front: undefined when it has not arrived whole. */
type Take<A> = (bytes: Buffer) => { answer: A | null; end: number } | undefined;

type Question = {
  /** Takes its next answer from the front and says where that ends. */
  readonly take: (bytes: Buffer) => number | undefined;
  readonly isAnswered: () => boolean;
  readonly reject: (error: Error) => void;
};

function openBatch(args: readonly string[], env: Readonly<Record<string, string>>) {
  let git: ChildProcessWithoutNullStreams | null = null;
  let ended: Promise<unknown> = Promise.resolve();
  let failed: Error | null = null;
  const questions: Question[] = [];
  let held: Buffer[] = [];
  let heldSize = 0;
  let needed = 1;

  const fail = (error: Error) => {
    failed ??= error;
    for (const question of questions.splice(0)) question.reject(failed);
  };
  const takeNext = (bytes: Buffer) => {
    const end = questions[0]?.take(bytes);
    if (questions[0]?.isAnswered()) questions.shift();
    return end;
  };
  const receive = (chunk: Buffer) => {
    held.push(chunk);
    heldSize += chunk.length;
    if (heldSize < needed) return;
    let bytes = Buffer.concat(held, heldSize);
    for (let end = takeNext(bytes); end !== undefined; end = takeNext(bytes)) bytes = bytes.subarray(end);
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
    ask<A>(what: 'info' | 'contents', names: readonly string[], take: Take<A>): Promise<(A | null)[]> {
      if (names.length === 0) return Promise.resolve([]);
      if (failed !== null) return Promise.reject(failed);
      git ??= start();
      const child = git;
      return new Promise((resolve, reject) => {
        questions.push(openQuestion({ wanted: names.length, take, resolve, reject }));
        child.stdin.write(names.map((name) => `${what} ${name}\n`).join(''));
      });
    },
    async close() {
      git?.kill('SIGKILL');
      await ended;
    },
  };
}

type Asked<A> = {
  readonly wanted: number;
  readonly take: Take<A>;
  resolve(answers: (A | null)[]): void;
  reject(error: Error): void;
};

function openQuestion<A>({ wanted, take, resolve, reject }: Asked<A>): Question {
  const answers: (A | null)[] = [];
  return {
    take(bytes) {
      const taken = take(bytes);
      if (taken === undefined) return undefined;
      if (answers.push(taken.answer) === wanted) resolve(answers);
      return taken.end;
    },
    isAnswered: () => answers.length === wanted,
    reject,
  };
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
