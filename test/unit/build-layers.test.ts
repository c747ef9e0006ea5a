import assert from 'node:assert/strict';
import { test } from 'node:test';
import { removeLayers } from '../../src/build/layers.ts';
import type { Docker } from '../../src/fleet/docker.ts';

const since = new Date('2026-05-04T10:00:00Z');
const later = '2026-05-04T10:00:30Z';

/** `uses`: so often it is refused as in use. */
type Image = { Created?: string; RepoTags?: string[]; Container?: string; uses?: number };

/** An engine with these images; the one called `late` is there from the third look on. */
function openEngine(images: Readonly<Record<string, Image>>) {
  const removed: string[] = [];
  let looks = 0;
  const docker = {
    async listImages() {
      looks += 1;
      const there = Object.entries(images).filter(([id]) => id !== 'late' || looks > 2);
      return there.map(([Id, { Created = later }]) => ({ Id, Created: Date.parse(Created) / 1000 }));
    },
    getImage: (id: string) => ({
      inspect: async () => ({ Created: later, Container: '', ...images[id] }),
      async remove() {
        const image = images[id];
        if (image?.uses !== undefined && image.uses-- > 0)
          throw Object.assign(new Error('conflict'), { statusCode: 409 });
        removed.push(id);
      },
    }),
  } as unknown as Docker;
  return { docker, removed };
}

const never = new AbortController().signal;

test('layers of a build go, the newest first, with the one that the engine is still making', async () => {
  const others = {
    'of-others': { Container: 'c2' },
    older: { Container: 'c1', Created: '2026-05-04T09:00:00Z' },
  };
  const { docker, removed } = openEngine({ one: {}, two: {}, late: { Container: 'c1ff' }, ...others });
  await removeLayers(docker, { layers: ['one', 'two'], pending: 'c1', since, signal: never });
  assert.deepEqual(removed, ['late', 'two', 'one']);
});

test('a layer goes when its container has gone', async () => {
  const { docker, removed } = openEngine({ one: { uses: 2 } });
  await removeLayers(docker, { layers: ['one'], pending: null, since, signal: never });
  assert.deepEqual(removed, ['one']);
});

test('what has a tag or was there before stays with what it is built on', async () => {
  for (const kept of [{ RepoTags: ['a:1'] }, { Created: '2026-05-04T09:59:59Z' }]) {
    const { docker, removed } = openEngine({ one: {}, two: kept, three: {} });
    await removeLayers(docker, { layers: ['one', 'two', 'three'], pending: null, since, signal: never });
    assert.deepEqual(removed, ['three']);
  }
});

test('who is to stop waits for no layer', async () => {
  const { docker, removed } = openEngine({ one: {} });
  await removeLayers(docker, { layers: ['one'], pending: 'c1', since, signal: AbortSignal.abort() });
  assert.deepEqual(removed, ['one']);
});
