import { StringDecoder } from 'node:string_decoder';
import type { Frame } from '../fleet/log-frames.ts';
import type { Attachment } from '../pipeline/runs/attach.ts';
import type { Redactor } from '../secrets/redactor.ts';
import type { Place } from '../store/apps.ts';
import { getRun } from '../store/runs.ts';
import type { ApiDesk } from './desk.ts';
import { wait } from './run-output.ts';
import { describeRun } from './run-view.ts';
import type { ServerEvent } from './stream.ts';

type Following = {
  readonly place: Place;
  /** Takes out what the asker may not read; null for who may read all. */
  readonly redactor: Redactor | null;
  readonly signal: AbortSignal;
};

type Screen = {
  show(frame: Frame): Buffer;
  /** What is held back, when nothing comes any more. */
  end(stream: Frame['stream']): Buffer;
};

const lookAgainMs = 300;
const streams = ['stdout', 'stderr'] as const;

/** `begun` with the run and the key for its input, the bytes that it writes as base64, and `end` with how it ended. */
export async function* followAttachment(
  { db, runs }: Pick<ApiDesk, 'db' | 'runs'>,
  attachment: Attachment,
  { place, redactor, signal }: Following,
): AsyncGenerator<ServerEvent> {
  const { run, key } = attachment;
  yield { event: 'begun', data: { env: place.environment.name, key, ...describeRun(run) } };
  const screen = openScreen(redactor);
  for await (const frame of attachment.read()) yield* toEvents(frame.stream, screen.show(frame));
  for (const stream of streams) yield* toEvents(stream, screen.end(stream));
  while (!signal.aborted) {
    const now = await getRun(db, run.id);
    if (now.state === 'ended') return yield { event: 'end', data: describeRun(now) };
    await runs.settle(run.id, signal);
    await wait(lookAgainMs, signal);
  }
}

function* toEvents(stream: Frame['stream'], data: Buffer): Generator<ServerEvent> {
  if (data.length > 0) yield { data: { stream, data: data.toString('base64') } };
}

/** Byte for byte, or as text without what may not be shown. */
export function openScreen(redactor: Redactor | null): Screen {
  if (redactor === null) return { show: ({ data }) => data, end: () => Buffer.alloc(0) };
  const open = () => ({ decoder: new StringDecoder('utf8'), hide: redactor.stream() });
  const sides = { stdout: open(), stderr: open() };
  return {
    show({ stream, data }) {
      const { decoder, hide } = sides[stream];
      return Buffer.from(hide.push(decoder.write(data)));
    },
    end(stream) {
      const { decoder, hide } = sides[stream];
      return Buffer.from(hide.push(decoder.end()) + hide.end());
    },
  };
}
