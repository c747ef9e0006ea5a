import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { pack } from 'tar-stream';
import { type BuildRequest, performBuild } from '../../src/build/perform.ts';

const lost = 'failed to export image: failed to set parent sha256:68: unknown parent image ID sha256:68';

/** An engine that answers each build with the next of these messages. */
function prepare(...answers: object[]): { request: BuildRequest; lines: string[]; contexts: () => number } {
  let contexts = 0;
  const lines: string[] = [];
  const docker = {
    info: async () => ({ DockerRootDir: '/nonexistent' }),
    getImage: () => ({ inspect: async () => ({ Config: {} }) }),
    async buildImage(context: Readable) {
      context.resume();
      return Readable.from([Buffer.from(`${JSON.stringify(answers.shift())}\n`)]);
    },
  };
  const source = {
    archive() {
      contexts += 1;
      const archive = pack();
      archive.entry({ name: 'Dockerfile' }, 'FROM scratch\n');
      archive.finalize();
      return Readable.from(archive, { objectMode: false });
    },
    readFile: async (path: string) => (path === 'Dockerfile' ? Buffer.from('FROM scratch\n') : null),
    listFiles: async () => ['Dockerfile'],
  };
  const request = {
    docker,
    source,
    manifest: { build: { dockerfile: null, context: '', target: null, args: {} } },
    builders: { memory: 2 ** 30, cpus: 1, pids: 100, timeoutMs: 10_000, bases: {} },
    limits: { diskFloor: 0 },
    deployId: 1,
    noCache: false,
    log: { step() {}, result() {}, warning() {}, detail: (line: string) => void lines.push(line) },
    signal: new AbortController().signal,
  } as unknown as BuildRequest;
  return { request, lines, contexts: () => contexts };
}

test('a build that lost a cached step is built again, with the whole source', async () => {
  const { request, lines, contexts } = prepare({ error: lost }, { aux: { ID: 'sha256:new' } });
  assert.equal((await performBuild(request)).imageId, 'sha256:new');
  assert.equal(contexts(), 2);
  assert.match(lines.join('\n'), /built again/);
});

test('it is not tried for ever', async () => {
  const { request, contexts } = prepare(...Array.from({ length: 5 }, () => ({ error: lost })));
  await assert.rejects(performBuild(request), /unknown parent image ID/);
  assert.equal(contexts(), 3);
});

test('a build that failed by itself is not repeated', async () => {
  const { request, contexts } = prepare({ error: 'COPY failed: no such file' });
  await assert.rejects(performBuild(request), /no such file/);
  assert.equal(contexts(), 1);
});
