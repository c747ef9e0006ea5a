import type { Readable } from 'node:stream';
import { askEngine } from './ask.ts';
import { toFailure } from './docker.ts';
import type { ServerConnection } from './fleet.ts';
import { type LogLine, splitFrames } from './log-frames.ts';

export type FollowOptions = {
  /** Lines before now; all of them when it is left out. */
  readonly tail?: number;
  /** `at` of the last line that was seen: only later ones come. */
  readonly since?: string | undefined;
  readonly signal: AbortSignal;
};

/** Lines as they come, until the container stops or the signal aborts; rejects when the connection is lost. */
export async function* followLogs(
  connection: ServerConnection,
  name: string,
  options: FollowOptions,
): AsyncGenerator<LogLine> {
  const { tail, since, signal } = options;
  const { closed, docker } = connection;
  const what = `follow the log of ${name}`;
  const query = {
    follow: true as const,
    stdout: true,
    stderr: true,
    timestamps: true,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since: toUnixTime(since) }),
  };
  const stream = (await askEngine({ connection, what, signal }, () =>
    docker.getContainer(name).logs(query),
  )) as Readable;
  const ended = AbortSignal.any([signal, closed]);
  const cut = () => stream.destroy(ended.reason);
  ended.addEventListener('abort', cut, { once: true });
  try {
    for await (const line of splitFrames(stream)) {
      if (since === undefined || line.at > since) yield line;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw closed.aborted ? closed.reason : toFailure(error, `${what} on ${connection.server.name}`);
  } finally {
    ended.removeEventListener('abort', cut);
    stream.destroy();
  }
}

/** The engine takes seconds with nanoseconds: a Date would cut them to milliseconds. */
function toUnixTime(at: string): string {
  const fraction = /\.(\d+)Z$/.exec(at)?.[1] ?? '0';
  return `${Math.floor(Date.parse(at) / 1000)}.${fraction}`;
}

/** The last `tail` lines as they are now, with their times; of those only the ones after `since`. */
export async function readLogLines(
  connection: ServerConnection,
  name: string,
  options: FollowOptions & { readonly tail: number },
): Promise<LogLine[]> {
  const { tail, since, signal } = options;
  const query = {
    ...{ follow: false as const, stdout: true, stderr: true, timestamps: true, tail },
    ...(since === undefined ? {} : { since: toUnixTime(since) }),
  };
  const buffer = await askEngine({ connection, what: `read the log of ${name}`, signal }, (abortSignal) =>
    connection.docker.getContainer(name).logs({ ...query, abortSignal }),
  );
  const lines: LogLine[] = [];
  for await (const line of splitFrames([buffer]))
    if (since === undefined || line.at > since) lines.push(line);
  return lines;
}
