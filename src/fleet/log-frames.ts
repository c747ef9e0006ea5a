/** One line that a container wrote; `at` is the engine's time in nanoseconds, sortable as text. */
export type LogLine = { readonly at: string; readonly line: string; readonly stream: 'stdout' | 'stderr' };

/** What a container wrote at once. */
export type Frame = { readonly stream: 'stdout' | 'stderr'; readonly data: Buffer };
type Chunks = Iterable<Buffer> | AsyncIterable<Buffer>;
type Open = { at: string; text: string };

const headerBytes = 8;
const lastStream = 2;
const newline = 10;
// The engine cuts a long line into frames of 16 KB; we put it together up to here.
const maxLine = 64 * 1024;

/**
 * Lines out of the engine's stream with timestamps: multiplexed (attach format of the Engine API), or as it is written
 * when the container has a terminal.
 */
export async function* splitFrames(chunks: Chunks): AsyncGenerator<LogLine> {
  const open: Partial<Record<Frame['stream'], Open>> = {};
  for await (const { stream, data } of readEither(chunks)) {
    const text = data.toString('utf8');
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

/** The pieces of a multiplexed stream, byte for byte. */
export function readFrames(chunks: Chunks): AsyncGenerator<Frame> {
  return cutAll(chunks, () => cutFrames);
}

// A frame begins with the number of its stream, which is smaller than any character.
function readEither(chunks: Chunks): AsyncGenerator<Frame> {
  return cutAll(chunks, (first) => (first > lastStream ? cutLines : cutFrames));
}

type Cut = (bytes: Buffer) => { readonly frames: readonly Frame[]; readonly rest: Buffer };

async function* cutAll(chunks: Chunks, choose: (firstByte: number) => Cut): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  let cut: Cut | null = null;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (rest.length === 0) continue;
    cut ??= choose(rest[0] ?? 0);
    const done = cut(rest);
    yield* done.frames;
    ({ rest } = done);
  }
  if (cut === cutLines && rest.length > 0) yield { stream: 'stdout', data: rest };
}

function cutFrames(bytes: Buffer): ReturnType<Cut> {
  const frames: Frame[] = [];
  let rest = bytes;
  while (rest.length >= headerBytes) {
    const end = headerBytes + rest.readUInt32BE(4);
    if (rest.length < end) break;
    frames.push({ stream: rest[0] === 2 ? 'stderr' : 'stdout', data: rest.subarray(headerBytes, end) });
    rest = rest.subarray(end);
  }
  return { frames, rest };
}

function cutLines(bytes: Buffer): ReturnType<Cut> {
  const frames: Frame[] = [];
  let rest = bytes;
  for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
    frames.push({ stream: 'stdout', data: rest.subarray(0, end + 1) });
    rest = rest.subarray(end + 1);
  }
  return { frames, rest };
}

function withoutEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
