import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Failure } from '../../failure.ts';

export type GitEnd = { readonly code: number | null; readonly stderr: string };
export type GitResult = GitEnd & { readonly stdout: Buffer };

export type GitRun = {
  /** Added to the clean environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  /** Bytes of output kept; more is an error. */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
};

type SpawnOptions = {
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ownGroup?: boolean;
  readonly links?: number;
};

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** All that a git of ours sees of the world: nothing of the server's own environment. */
export const cleanEnvironment: Readonly<Record<string, string>> = {
  PATH: searchPath,
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
};

const always = ['-c', 'protocol.allow=never', '-c', 'core.attributesFile=/dev/null'];

/**
 * Starts a git in the clean environment. In a group of its own when all that it starts may have to end with it; `links`
 * are pipes to us beside the three, for its hooks.
 */
export function spawnGit(
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcessWithoutNullStreams {
  const { program = 'git', env = {}, ownGroup = false, links = 0 } = options;
  return spawn(program, [...always, ...args], {
    env: { ...cleanEnvironment, ...env },
    cwd: '/',
    detached: ownGroup,
    stdio: ['pipe', 'pipe', 'pipe', ...Array.from({ length: links }, () => 'pipe' as const)],
  }) as ChildProcessWithoutNullStreams;
}

/** Runs a git to its end; what its exit code means is the caller's to say. */
export async function runGit(args: readonly string[], run: GitRun = {}): Promise<GitResult> {
  const child = spawnGit(args, run.env === undefined ? {} : { env: run.env });
  const stop = () => child.kill('SIGKILL');
  run.signal?.addEventListener('abort', stop, { once: true });
  try {
    return await collect(child, run);
  } finally {
    run.signal?.removeEventListener('abort', stop);
  }
}

/** Runs a git that must succeed. `what` says what it was for in the Failure. */
export async function requireGit(args: readonly string[], what: string, run: GitRun = {}): Promise<Buffer> {
  const result = await runGit(args, run);
  if (result.code === 0) return result.stdout;
  throw new Failure('git_failed', `${what}: ${result.stderr.trim() || `git ended with ${result.code}`}`);
}

/** Runs `sync` for the file system that holds a path. Throws `git_failed`. */
export async function runSync(path: string): Promise<void> {
  const child = spawn('sync', ['-f', '--', path], { env: cleanEnvironment, stdio: ['pipe', 'pipe', 'pipe'] });
  const { code, stderr } = await collect(child, {});
  if (code !== 0) throw new Failure('git_failed', `sync of ${path}: ${stderr.trim()}`);
}

/** To a process that was started in a group of its own, and to all that it started; a group that is gone is fine. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** How a git ends, and the first bytes of its error output. Throws `git_failed` when it did not start. */
export function watchGit(child: ChildProcessWithoutNullStreams, maxStderr = 4096): Promise<GitEnd> {
  let stderr = '';
  // A git that ended early closes its input; its exit code says why.
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < maxStderr) stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Failure('git_failed', `git did not start: ${error.message}`, { cause: error })),
    );
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

async function collect(child: ChildProcessWithoutNullStreams, run: GitRun): Promise<GitResult> {
  const maxOutput = run.maxOutput ?? 64 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxOutput) chunks.push(chunk);
    else child.kill('SIGKILL');
  });
  const ended = watchGit(child);
  child.stdin.end(run.input ?? '');
  const { code, stderr } = await ended;
  run.signal?.throwIfAborted();
  if (size > maxOutput) throw new Failure('git_failed', `git said more than ${maxOutput} bytes`);
  return { code, stdout: Buffer.concat(chunks), stderr };
}
