import { type FSWatcher, watch } from 'node:fs';
import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redactor } from '../secrets/redactor.ts';
import type { DeployLog } from './deploy-log.ts';
import { type LineKind, toLines } from './grammar.ts';

/** A line of a journal and the byte offset behind it, from which reading can go on. */
export type JournalLine = { readonly line: string; readonly next: number };

export type Journals = {
  /** Appends to a deploy's journal; several writers in turn never tear a line. */
  write(deployId: number): Promise<JournalWriter>;
  /** Lines from a byte offset to the end of what is there. */
  read(deployId: number, from: number): Promise<readonly JournalLine[]>;
  /** Lines from a byte offset as they come, until `hasEnded` says that no more will. */
  follow(deployId: number, options: FollowOptions): AsyncGenerator<JournalLine>;
  /** Makes followers ask again at once whether the deploy has ended. */
  wake(deployId: number): Promise<void>;
  remove(deployId: number): Promise<void>;
};

export type FollowOptions = {
  readonly from: number;
  readonly signal: AbortSignal;
  /** Asked after every batch of lines, and at least once a second. */
  hasEnded(): Promise<boolean>;
};

export type JournalWriter = DeployLog & {
  /** Bytes of the journal, with what is being written. */
  size(): number;
  /** Hides what is set or made since it was opened, too. */
  hideAnew(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const chunkBytes = 256 * 1024;

/** Says what is to be hidden from the journal of a deploy. */
export type HideFrom = (deployId: number) => Promise<Redactor>;

/** Journals of deploys, a file each; a line is one write, so that a kill loses at most the last one. */
export function openJournals(folder: string, limitBytes: number, hideFrom: HideFrom): Journals {
  const pathOf = (deployId: number) => join(folder, `${deployId}.log`);
  const read = shareReads();
  return {
    async write(deployId) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const readRedactor = () => hideFrom(deployId);
      return openWriter(pathOf(deployId), limitBytes, readRedactor);
    },
    read: (deployId, from) => readLines(pathOf(deployId), from),
    follow: (deployId, options) => followLines(folder, pathOf(deployId), { ...options, read }),
    async wake(deployId) {
      const now = new Date();
      await utimes(pathOf(deployId), now, now).catch((error) => {
        // Nobody wrote or followed it yet, so there is nobody to wake.
        if (error.code !== 'ENOENT') throw error;
      });
    },
    remove: (deployId) => rm(pathOf(deployId), { force: true }),
  };
}

async function openWriter(
  file: string,
  limitBytes: number,
  readRedactor: () => Promise<Redactor>,
): Promise<JournalWriter> {
  let redactor = await readRedactor();
  const handle = await open(file, 'a', 0o600);
  let size = (await handle.stat()).size;
  let skipped = 0;
  let pending: string[] = [];
  let flushing: Promise<void> | null = null;
  const flush = async () => {
    while (pending.length > 0) {
      const batch = pending.join('');
      pending = [];
      await handle.appendFile(batch);
    }
    flushing = null;
  };
  const append = (kind: LineKind, text: string) => {
    // Once before lines are cut to length, once when nothing is left between the parts of a value.
    for (const shown of toLines(kind, redactor.text(text))) {
      const line = redactor.text(shown);
      const bytes = Buffer.byteLength(line) + 1;
      if (kind === 'detail' && size + bytes > limitBytes) {
        skipped += bytes;
        continue;
      }
      size += bytes;
      pending.push(`${line}\n`);
    }
    flushing ??= flush();
  };
  if (size > 0 && !(await endsWithNewline(file, size))) pending.push('\n');
  return {
    step: (text) => append('step', text),
    detail: (text) => append('detail', text),
    result: (text) => append('result', text),
    warning: (text) => append('warning', text),
    size: () => size,
    async hideAnew() {
      redactor = await readRedactor();
    },
    async [Symbol.asyncDispose]() {
      if (skipped > 0) append('warning', `${Math.ceil(skipped / 1024)} KB of output were left out`);
      await flushing;
      await handle.close();
    },
  };
}

async function endsWithNewline(file: string, size: number): Promise<boolean> {
  await using handle = await open(file, 'r');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 10;
}

/** Whole lines only: one that is still being written is read the next time. */
async function readLines(file: string, from: number): Promise<JournalLine[]> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= from) return [];
  await using handle = await open(file, 'r');
  const { buffer, bytesRead } = await handle.read(
    Buffer.alloc(Math.min(size - from, chunkBytes)),
    0,
    undefined,
    from,
  );
  const lines: JournalLine[] = [];
  let start = 0;
  for (let end = buffer.indexOf(10); end !== -1 && end < bytesRead; end = buffer.indexOf(10, start)) {
    lines.push({ line: buffer.toString('utf8', start, end), next: from + end + 1 });
    start = end + 1;
  }
  return lines;
}

type ReadLines = typeof readLines;

/** Those who follow one journal ask for the same bytes at the same moment: they are read once. */
function shareReads(): ReadLines {
  const under = new Map<string, Promise<JournalLine[]>>();
  return (file, from) => {
    const key = `${from} ${file}`;
    const known = under.get(key);
    if (known !== undefined) return known;
    const reading = readLines(file, from).finally(() => under.delete(key));
    under.set(key, reading);
    return reading;
  };
}

const askMs = 1_000;

/** Lines from an offset to the end of the deploy; `read` may be shared with others who follow the same journal. */
export async function* followLines(
  folder: string,
  file: string,
  { read, ...options }: FollowOptions & { readonly read: ReadLines },
): AsyncGenerator<JournalLine> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await (await open(file, 'a', 0o600)).close();
  let offset = options.from;
  using changes = watchFile(file, options.signal);
  let asked = Number.NEGATIVE_INFINITY;
  let over = false;
  while (!options.signal.aborted) {
    const before = offset;
    // A read that somebody else began may be older than the end: then the last lines are not in it.
    const lines = await (over ? readLines : read)(file, offset);
    for (const line of lines) yield line;
    offset = lines.at(-1)?.next ?? offset;
    if (over && lines.length === 0) return;
    // While lines come nobody needs to be asked at each of them; what came before the answer is still read.
    if (lines.length === 0 || performance.now() - asked >= askMs) {
      over ||= await options.hasEnded();
      asked = performance.now();
    }
    if (!over && offset - before < chunkBytes / 2) await changes.next(askMs);
  }
}

/** A wake-up at every change of a file, at an abort, or after `timeoutMs` at the latest. */
function watchFile(
  file: string,
  signal: AbortSignal,
): { next(timeoutMs: number): Promise<void> } & Disposable {
  let wake: () => void = () => {};
  let changed = false;
  const notice = () => {
    changed = true;
    wake();
  };
  const watcher: FSWatcher = watch(file, notice);
  watcher.on('error', notice);
  signal.addEventListener('abort', notice);
  return {
    async next(timeoutMs) {
      if (!changed) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      changed = false;
    },
    [Symbol.dispose]() {
      watcher.close();
      signal.removeEventListener('abort', notice);
    },
  };
}
