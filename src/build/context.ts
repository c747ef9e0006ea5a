import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract as Entries, extract, type Header, type Pack, pack } from 'tar-stream';
import { contextPrefix } from './plan.ts';

export type ContextOptions = {
  /** The folder that becomes the root of the context; empty for the whole source. */
  readonly folder: string;
  /** True for what `.dockerignore` leaves out; paths relative to the context. */
  readonly isIgnored: (path: string) => boolean;
  /** Relative to the context; sent whatever the rules say. */
  readonly dockerfile: string;
  /** A Dockerfile that is not in the context, to be put there under that name and out of `COPY`'s reach. */
  readonly injected: Buffer | null;
  /** `.dockerignore` of the context, needed when a Dockerfile is put in. */
  readonly ignoreText: string | null;
};

const ignoreFile = '.dockerignore';

/**
 * The build's context as a tar: the source's, without what is ignored, one entry in memory at a time. The engine
 * itself removes Dockerfile and `.dockerignore` after reading them when the rules leave them out.
 */
export function packContext(archive: Readable, options: ContextOptions): Readable {
  const entries = extract();
  const context = pack();
  const giveUp = (error: Error) => context.destroy(error);
  // Whoever reads the context is told; without a listener it would be an uncaught exception before that.
  context.on('error', () => archive.destroy());
  pipeline(archive, entries as unknown as NodeJS.WritableStream).catch(giveUp);
  copyEntries(entries, context, options).catch((error: Error) => {
    archive.destroy();
    giveUp(error);
  });
  return Readable.from(context, { objectMode: false });
}

type Entry = Entries extends AsyncIterable<infer Source> ? Source : never;

async function copyEntries(entries: Entries, context: Pack, options: ContextOptions): Promise<void> {
  for await (const entry of entries) {
    const header = planEntry(entry.header, options);
    if (header === null) entry.resume();
    else await copyEntry(entry, header, context);
  }
  if (options.injected !== null) {
    context.entry({ name: options.dockerfile, mode: 0o644 }, options.injected);
    // As the docker client does it: the rules that the engine reads again hide what was put in.
    const rules = `${options.ignoreText ?? ignoreFile}\n${options.dockerfile}\n`;
    context.entry({ name: ignoreFile, mode: 0o644 }, rules);
  }
  context.finalize();
}

/** The entry as it is sent; null for one that is not. */
function planEntry(header: Header, options: ContextOptions): Header | null {
  const prefix = contextPrefix(options.folder);
  const path = header.name.replace(/^\.\//, '');
  if (!path.startsWith(prefix)) return null;
  const name = path.slice(prefix.length);
  const bare = name.replace(/\/$/, '');
  if (bare === '') return null;
  if (options.injected !== null && (bare === ignoreFile || bare === options.dockerfile)) return null;
  const always = bare === options.dockerfile || bare === ignoreFile;
  if (!always && options.isIgnored(bare)) return null;
  return { ...header, name, ...(header.type === 'link' ? { linkname: stripFolder(header, prefix) } : {}) };
}

/** A hard link names its target from the root of the tar. */
function stripFolder({ linkname }: Header, prefix: string): string {
  const target = linkname ?? '';
  return target.startsWith(prefix) ? target.slice(prefix.length) : target;
}

async function copyEntry(entry: Entry, header: Header, context: Pack): Promise<void> {
  const sink = context.entry(header);
  for await (const chunk of entry) {
    if (sink.write(chunk)) continue;
    // A context that nobody reads any more closes its entry instead of draining it.
    await Promise.race([once(sink, 'drain'), once(sink, 'close')]);
    if (sink.destroyed) throw new Error('the build stopped reading its context');
  }
  sink.end(undefined);
}
