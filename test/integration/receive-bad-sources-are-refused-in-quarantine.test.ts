import assert from 'node:assert/strict';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RawTreeEntry, writeBlob, writeCommit, writeTree } from '../support/git-objects.ts';
import { makeSource, mustRun, openWorld, runClient } from '../support/receive-world.ts';

let world: Awaited<ReturnType<typeof openWorld>>;
let source: string;

before(async () => {
  world = await openWorld();
  source = await makeSource(world.folder, 'source', world.url());
});

after(() => world[Symbol.asyncDispose]());

const file = (name: string | Buffer, oid: string): RawTreeEntry => ({ mode: '100644', name, oid });
const folder = (name: string, oid: string): RawTreeEntry => ({ mode: '40000', name, oid });

async function pushTree(entries: RawTreeEntry[], app = 'shop') {
  const commit = await writeCommit(source, await writeTree(source, entries));
  return runClient(source, ['push', world.url(app), `${commit}:refs/heads/main`]);
}

async function refuse(entries: RawTreeEntry[], pattern: RegExp): Promise<void> {
  const { code, output } = await pushTree(entries);
  assert.equal(code, 1, output);
  assert.match(output, pattern);
  const kept = await readdir(join(world.git.path('id-shop'), 'objects'));
  assert.deepEqual(
    kept.filter((name) => name.length === 2 || name.startsWith('tmp')),
    [],
    'nothing of it stays on disk',
  );
  assert.deepEqual(await readdir(join(world.git.path('id-shop'), 'objects', 'pack')), []);
}

test('a bomb of a thousand million files in 800 bytes is refused without a look at each', {
  timeout: 120_000,
}, async () => {
  let oid = await writeBlob(source, 'x');
  for (let level = 0; level < 9; level += 1) {
    const child = oid;
    oid = await writeTree(
      source,
      Array.from({ length: 10 }, (_, index) => (level === 0 ? file : folder)(`f${index}`, child)),
    );
  }
  const commit = await writeCommit(source, oid);
  const rss = process.memoryUsage().rss;
  const { code, output } = await runClient(source, ['push', 'deploy', `${commit}:refs/heads/main`]);
  assert.equal(code, 1);
  assert.match(output, /error\[tree_too_large\]: 1,000,000,000 files \(limit 100,000\)/);
  assert.ok(process.memoryUsage().rss - rss < 50 * 2 ** 20);
});

test('a blob of 1 GiB of zeros in a pack of 1 MB is refused, and memory stays flat', async () => {
  const zeros = await makeZeros(source, 2 ** 30);
  const rss = process.memoryUsage().rss;
  await refuse([file('zeros', zeros)], /error\[file_too_large\]: "zeros" is 1 GiB \(limit 200 MiB\)/);
  assert.ok(process.memoryUsage().rss - rss < 50 * 2 ** 20);
});

/** A loose object that streams: git packs it without holding it. */
async function makeZeros(repository: string, bytes: number): Promise<string> {
  const path = join(world.folder, 'zeros');

  const handle = await open(path, 'w');
  await handle.truncate(bytes);
  await handle.close();
  return mustRun(
    repository,
    '-c',
    'core.bigFileThreshold=1m',
    '-c',
    'core.compression=1',
    'hash-object',
    '-w',
    path,
  );
}

test('folders without end are refused', async () => {
  let oid = await writeTree(source, [file('x', await writeBlob(source, 'x'))]);
  for (let depth = 0; depth < 4000; depth += 1) oid = await writeTree(source, [folder('d', oid)]);
  // A newer git does not even send it.
  await refuse([folder('d', oid)], /error\[path_too_deep\]|exceeded maximum allowed tree depth/);
});

test('a tree that is used near the root and again far below counts with its longest way', async () => {
  let low = await writeTree(source, [file('x', await writeBlob(source, 'x'))]);
  for (let depth = 0; depth < 60; depth += 1) low = await writeTree(source, [folder('d', low)]);
  let high = low;
  for (let depth = 0; depth < 60; depth += 1) high = await writeTree(source, [folder('e', high)]);
  await refuse([folder('a', low), folder('b', high)], /error\[path_too_deep\]/);
});

test('a million empty folders are as bad as files', async () => {
  let oid = await writeTree(source, []);
  for (let level = 0; level < 6; level += 1) {
    const child = oid;
    oid = await writeTree(
      source,
      Array.from({ length: 10 }, (_, index) => folder(`f${index}`, child)),
    );
  }
  await refuse([folder('a', oid)], /error\[tree_too_large\]/);
});

test('names with control characters or too many bytes are refused and shown harmless', async () => {
  const blob = await writeBlob(source, 'x');
  await refuse([file('a\nb', blob)], /error\[path_not_allowed\]: "a\\x0ab" has control/);
  await refuse([file('a\x1b[31m', blob)], /error\[path_not_allowed\]: "a\\x1b\[31m"/);
  await refuse([file('n'.repeat(5_000), blob)], /error\[path_not_allowed\].*5000 bytes|largePathname/);
});

test('entries that are git folders or leave the tree are refused', async () => {
  const blob = await writeBlob(source, 'x');
  for (const name of ['.git', '.GIT', '..', '.'])
    await refuse([file(name, blob)], /hasDot|error\[path_not_allowed\]/);
  for (const name of ['git~1', '.git ', '.g\u200cit'])
    await refuse([file(name, blob)], /hasDotgit|error\[path_not_allowed\]/);
});

test('submodules are named as not supported and never resolved', async () => {
  for (const text of [
    '[submodule "a"]\n\tpath = a\n\turl = ext::sh -c "touch /tmp/x"\n',
    '[submodule "a"]\n\tpath = "a\\r"\n\turl = http://x/y\n',
  ]) {
    await refuse([file('.gitmodules', await writeBlob(source, text))], /submodules_not_supported|gitmodules/);
  }
});

test('a Dockerfile that is no plain small text is refused by what it is', async () => {
  const blob = (content: string | Buffer) => writeBlob(source, content);
  const link = { mode: '120000', name: 'Dockerfile', oid: await blob('/etc/shadow') };
  await refuse([link], /error\[dockerfile_is_symlink\]/);
  await refuse(
    [{ mode: '160000', name: 'Dockerfile', oid: '1'.repeat(40) }],
    /error\[dockerfile_is_submodule\]/,
  );
  await refuse(
    [folder('Dockerfile', await writeTree(source, [file('x', await blob('x'))]))],
    /error\[dockerfile_is_directory\]/,
  );
  await refuse([file('Dockerfile', await blob(''))], /error\[dockerfile_empty\]/);
  await refuse(
    [file('Dockerfile', await blob('#'.repeat(2 * 2 ** 20)))],
    /error\[dockerfile_too_large\].*2 MiB/,
  );
  await refuse(
    [file('Dockerfile', await blob(Buffer.from([0x7f, 0x45, 0, 1])))],
    /error\[dockerfile_not_text\]/,
  );
  await refuse(
    [file('Dockerfile', await blob(Buffer.from('\ufeffFROM x', 'utf16le')))],
    /error\[dockerfile_not_text\]/,
  );
});

test('manifests that are links are refused by name', async () => {
  for (const name of ['app.json', 'Procfile', '.dockerignore']) {
    const oid = await writeBlob(source, '/proc/self/environ');
    await refuse([{ mode: '120000', name, oid }], new RegExp(`error\\[manifest_is_symlink\\]: ${name}`));
  }
  await refuse([file('app.json', await writeBlob(source, ''))], /error\[manifest_empty\]/);
});

test('attributes of many bytes are refused', async () => {
  await refuse(
    [file('.gitattributes', await writeBlob(source, 'a b\n'.repeat(50_000)))],
    /file_too_large|gitattributes/,
  );
});

test('what is odd but honest is let in, with a warning where something is not fetched', async () => {
  const blob = (content: string | Buffer) => writeBlob(source, content);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
  const { code, output } = await pushTree(
    [
      file('.dockerignore', await blob('')),
      file('.gitattributes', await blob('*.bin filter=lfs\n')),
      file('CON', await blob('x')),
      file('Dockerfile', await blob('FROM scratch\n# caf\u00e9\n')),
      file('big.bin', await blob(pointer)),
      { mode: '120000', name: 'inside', oid: await blob('Dockerfile') },
      { mode: '160000', name: 'lib', oid: '1'.repeat(40) },
      file(Buffer.from([0x6e, 0xff, 0xfe]), await blob('x')),
      file('space ', await blob('x')),
    ],
    'honest',
  );
  assert.equal(code, 0, output);
  assert.match(output, / ! {5}submodule at "lib" is not fetched/);
  assert.match(output, / ! {5}git LFS files are not fetched: 1 pointers found/);
});
