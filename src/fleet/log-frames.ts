/** One line that a container wrote; `at` is the engine's time in nanoseconds, sortable as text. */
export type LogLine = { readonly at: string; readonly line: string; readonly stream: 'stdout' | 'stderr' };

type Frame = { readonly stream: 'stdout' | 'stderr'; readonly text: string };
type Open = { at: string; text: string };

const headerBytes = 8;
// The engine cuts a long line into frames of 16 KB; we put it together up to here.
const maxLine = 64 * 1024;

/** Lines out of the engine's multiplexed stream (attach format of the Engine API, with timestamps). */
export async function* splitFrames(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): AsyncGenerator<LogLine> {
  const open: Partial<Record<Frame['stream'], Open>> = {};
  for await (const { stream, text } of readFrames(chunks)) {
    const space = text.indexOf(' ');
    const at = text.slice(0, space);
    const started = open[stream] ?? { at, text: '' };
    started.text += text.slice(space + 1);
    const whole = started.text.endsWith('\n') || started.text.length >= maxLine;
    open[stream] = whole ? undefined : started;
    if (whole) yield { at: started.at, line: withoutEnd(started.text), stream };
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const rest = open[stream];
    if (rest) yield { at: rest.at, line: withoutEnd(rest.text), stream };
  }
}

async function* readFrames(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < headerBytes) break;
      const end = headerBytes + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield {
        stream: rest[0] === 2 ? 'stderr' : 'stdout',
        text: rest.toString('utf8', headerBytes, end),
      };
      rest = rest.subarray(end);
    }
  }
}

function withoutEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
