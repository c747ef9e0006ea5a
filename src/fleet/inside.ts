import type { Duplex } from 'node:stream';
import type { Failure } from '../failure.ts';
import type { TerminalSize } from '../model/run.ts';
import { askEngine, unlessGone } from './ask.ts';
import { type Attached, withoutErrors } from './attach.ts';
import { consoleSize } from './container.ts';
import { statusOf } from './docker.ts';
import type { ServerConnection } from './fleet.ts';

/** A command that is to run in a container that serves already. */
export type InsideCommand = {
  readonly container: string;
  readonly command: readonly string[];
  /** What it finds in its environment beside the container's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | null;
};

/** A command that was made known to the engine, and is not started yet. */
export type Inside = {
  start(signal: AbortSignal): Promise<Attached>;
  /** Its exit code; null when nobody can tell, undefined while it runs. */
  readExit(signal: AbortSignal): Promise<number | null | undefined>;
};

/** Makes a command known to the engine of the container. Rejects with what the engine says, such as that it stopped. */
export async function createInside(
  connection: ServerConnection,
  { container, command, env, terminal }: InsideCommand,
  signal: AbortSignal,
): Promise<Inside> {
  const what = `run a command in ${container}`;
  const options = {
    Cmd: [...command],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: terminal !== null },
    // Older engines are told only once it runs.
    ...(terminal === null ? {} : { ConsoleSize: consoleSize(terminal) }),
  };
  const made = await askEngine({ connection, what, signal }, (abortSignal) =>
    connection.docker.getContainer(container).exec({ ...options, abortSignal }),
  );
  return {
    async start(startSignal) {
      const stream = await askEngine({ connection, what, signal: startSignal }, () =>
        made.start({ hijack: true, stdin: true, Tty: terminal !== null }),
      );
      return {
        ...{ connection, what, terminal: terminal !== null, stream: withoutErrors(stream as Duplex) },
        resize: ({ rows, columns }) => made.resize({ h: rows, w: columns }),
      };
    },
    async readExit(readSignal) {
      const ask = { connection, what: `look at a command in ${container}`, signal: readSignal };
      const found = await unlessGone(askEngine(ask, (abortSignal) => made.inspect({ abortSignal })));
      if (found === null) return null;
      return found.Running ? undefined : found.ExitCode;
    },
  };
}

// The engine has no way to end such a command, so that the container's own shell looks for all that have the mark in
// their environment. It goes on by itself once it is started.
const ending = `
each() {
  for folder in /proc/[0-9]*; do
    case "$(cat "$folder/environ" 2>/dev/null)" in *"$0"*) kill -s "$1" "\${folder#/proc/}" 2>/dev/null ;; esac
  done
}
each HUP; each TERM; sleep "$1"; each KILL`;

/**
 * Has everything in a container ended that was started with this variable, `NAME=value`: SIGHUP and SIGTERM, then
 * SIGKILL. False when the container has no shell to do it; one that is gone is success.
 */
export async function endInside(
  connection: ServerConnection,
  {
    container,
    mark,
    graceMs,
  }: { readonly container: string; readonly mark: string; readonly graceMs: number },
  signal: AbortSignal,
): Promise<boolean> {
  const ask = { connection, what: `end a command in ${container}`, signal };
  const Cmd = ['sh', '-c', ending, mark, String(Math.ceil(graceMs / 1000))];
  try {
    const made = await askEngine(ask, (abortSignal) =>
      connection.docker.getContainer(container).exec({ Cmd, abortSignal }),
    );
    const answer = await askEngine(ask, (abortSignal) => made.start({ Detach: true, abortSignal }));
    answer.resume();
    return true;
  } catch (error) {
    const status = statusOf((error as Failure).cause);
    if (status === 404 || status === 409) return true;
    if (status === 400) return false;
    throw error;
  }
}
