import type { EventEmitter } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../failure.ts';
import { describeFailure } from '../record-push.ts';
import type { Line } from './line.ts';

/** The server's end of one session, as ssh2 has it. */
export type ServerChannel = Duplex & {
  readonly stderr: Writable;
  readonly outgoing?: { readonly window?: number };
  exit(code: number): void;
  close(): void;
};

/** What a program says, brought to the client; everything is forgotten once the client is gone. */
export type ChannelWriter = {
  write(bytes: Buffer): Promise<void>;
  writeError(bytes: Buffer): Promise<void>;
  /** From now on the bytes are as they are. */
  keepLineEnds(): void;
  /** Tells how it ended and closes; nothing can be written afterwards. */
  end(code: number): Promise<void>;
  /** Aborts when the client closed the channel or the connection is gone. */
  readonly gone: AbortSignal;
};

const lookAgainMs = 20;

export type WriterOptions = {
  readonly line: Line;
  /** Its close is told at once, where the channel's waits until everything that came was read. */
  readonly session: EventEmitter;
  /** Replaces the newlines of the output, for a terminal that the client made raw. */
  readonly lineEnd?: '\n' | '\r\n';
};

export function openWriter(
  channel: ServerChannel,
  { line, session, ...options }: WriterOptions,
): ChannelWriter {
  let { lineEnd = '\n' } = options;
  const left = new AbortController();
  const gone = left.signal;
  const closed = new Promise<void>((resolve) => {
    const leave = () => {
      left.abort(new Failure('git_request_invalid', 'the client left'));
      resolve();
    };
    channel.once('close', leave);
    session.once('close', leave);
    line.whenClosed(leave);
  });
  // What is written to a client that leaves in this moment fails; its leaving is told by the close.
  channel.on('error', () => undefined);
  channel.stderr.on('error', () => undefined);
  line.watch(channel);
  let last: Promise<void> = Promise.resolve();
  const inTurn = (write: () => Promise<void>): Promise<void> => {
    last = last.then(async () => {
      if (!gone.aborted) await Promise.race([write(), closed]);
    });
    return last;
  };
  const put = (sink: Writable, bytes: Buffer) =>
    new Promise<void>((resolve) => sink.write(bytes, () => resolve()));
  const convert = (bytes: Buffer) =>
    lineEnd === '\n' ? bytes : Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, lineEnd), 'latin1');

  /** Never more than the window takes: ssh2 mixes up the two outputs of a channel when both wait for it. */
  async function putError(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !gone.aborted; ) {
      const room = channel.outgoing?.window ?? 0;
      const piece = bytes.subarray(at, at + room);
      if (piece.length > 0) await put(channel.stderr, piece);
      else await pause(lookAgainMs);
      at += piece.length;
    }
  }

  return {
    gone,
    keepLineEnds() {
      lineEnd = '\n';
    },
    write: (bytes) =>
      inTurn(async () => {
        const text = convert(bytes);
        await put(channel, text);
        await line.untilSent(text.length);
      }),
    writeError: (bytes) =>
      inTurn(async () => {
        const text = convert(bytes);
        await putError(text);
        await line.untilSent(text.length);
      }),
    end: (code) =>
      inTurn(async () => {
        channel.exit(code);
        channel.end();
        await closed;
      }),
  };
}

/** What the client says, no faster than the program takes it; `admit` may keep a piece from it. */
export function pumpInput(
  channel: ServerChannel,
  sink: Writable,
  { gone, admit }: { gone: AbortSignal; admit(chunk: Buffer): boolean },
): void {
  // A program that ended early closes its input: what still comes is read and forgotten.
  sink.on('error', () => undefined);
  for (const event of ['drain', 'close']) sink.on(event, () => channel.resume());
  gone.addEventListener('abort', () => channel.resume(), { once: true });
  channel.on('end', () => sink.end());
  channel.on('data', (chunk: Buffer) => {
    if (admit(chunk) && sink.writable && !sink.write(chunk)) channel.pause();
  });
}

/** Everything that a program says, no faster than the client takes it; the rest is read and forgotten. */
export async function pumpOutput(source: Readable, write: (bytes: Buffer) => Promise<void>): Promise<void> {
  for await (const chunk of source) await write(chunk as Buffer);
}

/** A Failure in the grammar of git's own lines. */
export function serializeFailure(failure: Failure): Buffer {
  return Buffer.from(`${describeFailure(failure).join('\n')}\n`);
}
