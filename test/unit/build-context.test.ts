import assert from 'node:assert/strict';
import { Readable, type Writable } from 'node:stream';
import { test } from 'node:test';
import { extract, type Header, pack } from 'tar-stream';
import { type ContextOptions, packContext } from '../../src/build/context.ts';
import { parseIgnore } from '../../src/build/ignore.ts';
import { Lines } from '../../src/build/lines.ts';
import { eventually } from '../support/eventually.ts';

type Given = Partial<Header> & { name: string; text?: string };

function archiveOf(entries: readonly Given[]): Readable {
  const tar = pack();
  for (const { text, ...header } of entries) tar.entry(header as Header, text ?? '');
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}

async function read(context: Readable): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const entries = extract();
  context.pipe(entries as unknown as Writable);
  for await (const entry of entries) {
    let text = entry.header.linkname ? `→ ${entry.header.linkname}` : '';
    for await (const chunk of entry) text += Buffer.from(chunk as Uint8Array).toString();
    found[entry.header.name] = text;
  }
  return found;
}

const plain: ContextOptions = {
  folder: '',
  isIgnored: () => false,
  dockerfile: 'Dockerfile',
  injected: null,
  ignoreText: null,
};

test('what is ignored is not sent, but for Dockerfile and .dockerignore', async () => {
  const archive = archiveOf([
    { name: 'Dockerfile', text: 'FROM x' },
    { name: '.dockerignore', text: '*' },
    { name: 'src', type: 'directory' },
    { name: 'src/a', text: 'a' },
    { name: 'b', text: 'b'.repeat(2_000_000) },
    { name: 'link', type: 'symlink', linkname: '/etc/passwd' },
  ]);
  const isIgnored = parseIgnore('*\n!src/**\n!link');
  assert.deepEqual(await read(packContext(archive, { ...plain, isIgnored })), {
    Dockerfile: 'FROM x',
    '.dockerignore': '*',
    'src/a': 'a',
    link: '→ /etc/passwd',
  });
});

test('a folder becomes the root; a Dockerfile from elsewhere is put in and hidden', async () => {
  const archive = archiveOf([
    { name: 'Dockerfile', text: 'FROM root' },
    { name: 'app', type: 'directory' },
    { name: 'app/.hawser.Dockerfile', text: 'not this' },
    { name: 'app/.dockerignore', text: 'x' },
    { name: 'app/a', text: 'a' },
    { name: 'application', text: 'no' },
    { name: 'app/hard', type: 'link', linkname: 'app/a' },
  ]);
  const injected = Buffer.from('FROM elsewhere');
  const options = { ...plain, folder: 'app', dockerfile: '.hawser.Dockerfile', injected, ignoreText: 'x' };
  assert.deepEqual(await read(packContext(archive, options)), {
    a: 'a',
    hard: '→ a',
    '.hawser.Dockerfile': 'FROM elsewhere',
    '.dockerignore': 'x\n.hawser.Dockerfile\n',
  });
});

test('an archive that breaks off breaks the context with its reason', async () => {
  const reason = new Error('git ended');
  const broken = new Readable({ read: () => undefined });
  broken.push(Buffer.alloc(100, 'x'));
  const context = packContext(broken, plain);
  setImmediate(() => broken.destroy(reason));
  await assert.rejects(drain(context), reason);
});

async function drain(context: Readable): Promise<void> {
  for await (const _ of context);
}

test('a context that nobody reads to its end ends its archive', async () => {
  const archive = archiveOf([{ name: 'big', text: 'x'.repeat(5_000_000) }]);
  const context = packContext(archive, plain);
  for await (const _ of context) break;
  assert.ok(context.destroyed);
  await eventually(() => archive.destroyed);
});

test('lines come whole from pieces, and a long one is cut', () => {
  const seen: string[] = [];
  const lines = new Lines((line) => seen.push(line));
  for (const piece of ['a', 'b\nc', '\n\n', 'd']) lines.add(piece);
  lines.flush();
  lines.flush();
  assert.deepEqual(seen, ['ab', 'c', '', 'd']);
  for (let count = 0; count < 100; count += 1) lines.add('y'.repeat(1000));
  lines.add('\n');
  assert.equal(seen.at(-1), `${'y'.repeat(16_384)}… 83616 more`);
});
