import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runProgram } from './program.ts';

export type Pushed = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type PushOptions = {
  /** The default is `main`. */
  readonly refspec?: string;
  /** Values of `-o`. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Ends git as Ctrl-C does. */
  readonly signal?: AbortSignal;
};

/** A git repository of one's own with an app in it. */
export type Repository = {
  readonly dir: string;
  /** Writes the files (null removes one) and commits everything; returns the commit's id. */
  commit(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
  /** A failed push is an answer, not an error. */
  push(url: string, options?: PushOptions): Promise<Pushed>;
  git(...argv: readonly string[]): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

const apps = fileURLToPath(new URL('../fixtures/apps/', import.meta.url));

/** Nobody's settings, nobody's credentials, no question asked. */
const cleanEnv = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  LC_ALL: 'C.UTF-8',
};

/** The files of an app of test/fixtures/apps, to be committed over those of another. */
export async function readApp(name: string): Promise<Record<string, string>> {
  const names = await readdir(join(apps, name));
  const files = names.map(async (file) => [file, await readFile(join(apps, name, file), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(files));
}

/** A repository with one commit on `main`: a folder, or the app of test/fixtures/apps with that name, and `files`. */
export async function makeRepository(
  folder: string,
  { files = {} }: { files?: Readonly<Record<string, string | null>> } = {},
): Promise<Repository> {
  const dir = await mkdtemp(join(tmpdir(), 'hawser-repository-'));
  const git = (...argv: readonly string[]): Promise<string> =>
    runProgram('git', argv, { cwd: dir, env: cleanEnv }).then((output) => output.trim());
  await cp(folder.includes('/') ? folder : join(apps, folder), dir, { recursive: true });
  await git('init', '-q', '-b', 'main');
  const repository: Repository = {
    dir,
    git,
    async commit(changes, message = 'change') {
      for (const [name, content] of Object.entries(changes)) await writeOrRemove(join(dir, name), content);
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return await git('rev-parse', 'HEAD');
    },
    push: (url, options = {}) => push(dir, url, options),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
  await repository.commit(files, 'first');
  return repository;
}

async function writeOrRemove(path: string, content: string | null): Promise<void> {
  if (content === null) return await rm(path, { recursive: true });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function push(cwd: string, url: string, options: PushOptions): Promise<Pushed> {
  const values = (options.options ?? []).flatMap((value) => ['-o', value]);
  const argv = ['push', ...values, '--', url, options.refspec ?? 'main'];
  const env = { ...cleanEnv, ...options.env };
  // a group of its own, as in a terminal: Ctrl-C reaches git and its transport alike
  const child = spawn('git', argv, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const interrupt = (): void => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
  };
  options.signal?.addEventListener('abort', interrupt, { once: true });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  options.signal?.removeEventListener('abort', interrupt);
  return { code, stdout, stderr };
}
