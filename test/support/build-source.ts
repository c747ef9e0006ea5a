import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { pack } from 'tar-stream';
import type { SourceFiles } from '../../src/build/source.ts';
import { type Docker, openLocalDocker } from '../../src/fleet/docker.ts';
import type { DeployLog } from '../../src/log/deploy-log.ts';

/** A commit with these files, as the build station sees it. */
export function sourceOf(files: Readonly<Record<string, string | Buffer>>): SourceFiles {
  return {
    archive() {
      const tar = pack();
      for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o644 }, content);
      tar.finalize();
      return Readable.from(tar, { objectMode: false });
    },
    async readFile(path) {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      return content === undefined ? null : Buffer.from(content as string);
    },
    listFiles: async () => Object.keys(files),
  };
}

/** A deploy log that keeps what it is told. */
export function keepLog(): DeployLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const add = (text: string) => void lines.push(text);
  return { lines, step: add, detail: add, result: add, warning: add };
}

const links = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'true',
  'false',
  'head',
  'tail',
  'yes',
  'ls',
  'kill',
  'wc',
  'test',
];

/** An engine with a base image of busybox, made on the spot; what the test makes from it is removed after it. */
export async function openBase(t: TestContext, name: string): Promise<{ docker: Docker; base: string }> {
  const docker = openLocalDocker();
  const repo = `hawser-test-${name}-${process.pid}`;
  const tar = pack();
  tar.entry({ name: 'bin', type: 'directory', mode: 0o755 });
  tar.entry({ name: 'tmp', type: 'directory', mode: 0o1777 });
  tar.entry({ name: 'bin/busybox', mode: 0o755 }, readFileSync('/bin/busybox'));
  for (const link of links) tar.entry({ name: `bin/${link}`, type: 'symlink', linkname: 'busybox' });
  // A layer of its own, so that no other test's images are taken for ones built on it.
  tar.entry({ name: 'tmp/base' }, repo);
  tar.finalize();
  const query = { repo, tag: '1', changes: 'ENV PATH=/bin' };
  const answer = await docker.importImage(Readable.from(tar, { objectMode: false }), query);
  t.after(() => removeImages(docker, repo));
  for await (const _ of answer);
  return { docker, base: `${repo}:1` };
}

/** Removes the base and everything that was built on it, newest first. */
async function removeImages(docker: Docker, repo: string): Promise<void> {
  const base = docker.getImage(`${repo}:1`);
  const layer = (await base.inspect()).RootFS.Layers?.[0];
  for (let left = 100; left > 0; left -= 1) {
    const found = await listBuiltOn(docker, layer);
    const leaves = found.filter(({ Id }) => !found.some(({ ParentId }) => ParentId === Id));
    if (leaves.length === 0) return;
    for (const { Id } of leaves) await docker.getImage(Id).remove({ force: true, noprune: true });
  }
}

async function listBuiltOn(docker: Docker, layer: string | undefined) {
  const images = await docker.listImages({ all: true });
  const inspected = await Promise.all(
    images.map(async (image) => {
      // Other tests remove theirs meanwhile.
      const inspect = await docker
        .getImage(image.Id)
        .inspect()
        .catch(() => null);
      return inspect?.RootFS.Layers?.[0] === layer ? [image] : [];
    }),
  );
  return inspected.flat();
}
