import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { keptEnv } from './kept-env.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** A command of ours under way, with what it wrote so far. */
export type Running = {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<Ran>;
  /** Ends it, if it has not ended. */
  stop(): void;
};

export type CommandOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from a pipe; nothing without it. */
  readonly input?: string;
};

/** Starts `hawser …` as a process of its own, with nothing of this one's environment but PATH. */
export function startCommand(argv: readonly string[], options: CommandOptions = {}): Running {
  return start([process.execPath, main, ...argv], options);
}

/** The same on a pseudo-terminal, where stdout is all that is shown; `around` runs there before and after it. */
export function startOnTerminal(
  argv: readonly string[],
  { around, ...options }: CommandOptions & { readonly around?: string } = {},
): Running {
  const words = [process.execPath, main, ...argv].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const own = words.join(' ');
  const line = around === undefined ? own : `${around}; ${own}; code=$?; ${around}; exit $code`;
  return start(['script', '--quiet', '--return', '--command', line, '/dev/null'], options);
}

function start([file = '', ...argv]: readonly string[], { cwd, env, input }: CommandOptions): Running {
  const child = spawn(file, argv, {
    cwd: cwd ?? '/',
    env: { ...keptEnv, HOME: '/nonexistent', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  // One that reads no more than it needs closes the pipe.
  child.stdin?.on('error', () => undefined).end(input);
  const chunks = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk) => {
      chunks[name] += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...chunks }));
  return {
    pid: child.pid ?? 0,
    stdout: () => chunks.stdout,
    stderr: () => chunks.stderr,
    ended,
    stop: () => void child.kill('SIGKILL'),
  };
}

/** Runs it to its end. */
export async function runCommand(argv: readonly string[], options?: CommandOptions): Promise<Ran> {
  return startCommand(argv, options).ended;
}
