import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type EngineImage, planCollection, planKept, planPrune } from '../../src/publish/retain.ts';

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const repository = 'hawser/a1';
const release = (version: number, rest: { live?: boolean; image?: number; env?: string } = {}) => ({
  environmentId: rest.env ?? 'production',
  version,
  image: { repository, digest: digest(rest.image ?? version) },
  wentLiveAt: (rest.live ?? true) ? 'then' : null,
  current: false,
  unfinished: false,
});
const listKept = (...question: Parameters<typeof planKept>) =>
  [...(planKept(...question).get(repository) ?? [])].map(([key, why]) => `${Number(key.slice(7))} ${why}`);

const engineImage = (n: number, names = [`${repository}:${digest(n).slice(7)}`]): EngineImage => ({
  id: `id${n}`,
  names,
  bytes: 10,
});
const repositories = new Set([repository]);

test('kept are what runs, what can be rolled back to, and what a deploy needs that has not ended', () => {
  const releases = [
    release(1),
    { ...release(2), unfinished: true },
    release(3),
    { ...release(4), current: true },
    release(5, { live: false }),
    { ...release(6, { live: false }), unfinished: true },
  ];
  assert.deepEqual(listKept(releases, 2), ['4 current', '3 rollback', '2 unfinished', '6 unfinished']);
  assert.deepEqual(listKept([release(1), { ...release(2), unfinished: true }], 1), ['2 rollback']);
});

test('an old release that runs stays, and an image that environments share stays with any of them', () => {
  const staging = { env: 'staging' };
  const releases = [
    { ...release(1), current: true },
    release(2),
    release(3),
    release(7, { ...staging, image: 2 }),
  ];
  assert.deepEqual(listKept(releases, 1), ['1 current', '3 rollback', '2 rollback']);
});

test('pruned are images of ours by tag or by what a killed pull left, and nothing else', () => {
  const kept = planKept([{ ...release(1), current: true }], 1);
  const left = `127.0.0.1:4567/team/a1@${digest(8)}`;
  const images = [
    engineImage(1),
    engineImage(2),
    engineImage(3),
    engineImage(4, [`hawser/other:${digest(4).slice(7)}`, 'postgres:16']),
    engineImage(5, [`${repository}:latest`]),
    engineImage(6, []),
    engineImage(8, [left]),
    engineImage(9, [`127.0.0.1:4567/team/a1@${digest(1)}`]),
  ];
  const gone = planPrune({ images, repositories, kept, inUse: new Set(['id3']) });
  assert.deepEqual(
    gone.map(({ id }) => id),
    ['id2', 'id8'],
  );
  assert.deepEqual(gone[1]?.names, [left]);
  const pushed = `127.0.0.1:4567/hawser/a1:${'0a'.repeat(16)}`;
  const half = [2, 1].map((n) => engineImage(n, [`${repository}:${digest(n).slice(7)}`, pushed]));
  const [withBoth, ...others] = planPrune({ images: half, repositories, kept, inUse: new Set() });
  assert.deepEqual([withBoth?.names.includes(pushed), others], [true, []]);
  assert.deepEqual(planPrune({ images, repositories: new Set(), kept, inUse: new Set() }), []);
});

const someReleases = fc.array(
  fc.record({
    environmentId: fc.constantFrom('production', 'staging', 'preview-1'),
    version: fc.integer({ min: 1, max: 30 }),
    image: fc.integer({ min: 0, max: 12 }).map((n) => ({ repository, digest: digest(n) })),
    wentLiveAt: fc.constantFrom('then', null),
    current: fc.boolean(),
    unfinished: fc.boolean(),
  }),
  { maxLength: 25 },
);

test('whatever there is, no image goes that runs, is used, is unfinished or is in the rollback set', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 12 }));
  fc.assert(
    fc.property(someReleases, fc.integer({ min: 1, max: 6 }), numbers, (releases, keep, used) => {
      const images = Array.from({ length: 13 }, (_, n) => engineImage(n));
      const inUse = new Set(used.map((n) => `id${n}`));
      const gone = planPrune({ images, repositories, kept: planKept(releases, keep), inUse });
      const goneDigests = new Set(gone.map(({ id }) => digest(Number(id.slice(2)))));
      for (const one of releases.filter(({ current, unfinished }) => current || unfinished)) {
        assert.equal(goneDigests.has(one.image.digest), false);
      }
      for (const ofOne of Map.groupBy(releases, ({ environmentId }) => environmentId).values()) {
        const live = ofOne.filter(({ wentLiveAt }) => wentLiveAt !== null);
        const newest = live.toSorted((a, b) => b.version - a.version).slice(0, keep);
        for (const { image } of newest) assert.equal(goneDigests.has(image.digest), false);
      }
      assert.equal(
        gone.some(({ id }) => inUse.has(id)),
        false,
      );
      const named = new Set(releases.map(({ image }) => image.digest));
      // What no release ever named goes, unless something has it.
      const nameless = images.filter(({ id }) => !named.has(digest(Number(id.slice(2)))) && !inUse.has(id));
      assert.ok(nameless.every((image) => gone.some(({ id }) => id === image.id)));
    }),
  );
});

test('the registry collects daily, when it is worth it and nothing is under way', () => {
  const question = { bytes: 2 ** 30, sinceMs: null, busy: false, urgent: false };
  assert.equal(planCollection(question), true);
  assert.equal(planCollection({ ...question, busy: true, urgent: true }), false);
  assert.equal(planCollection({ ...question, sinceMs: 3_600_000 }), false);
  assert.equal(planCollection({ ...question, sinceMs: 3_600_000, urgent: true }), true);
  assert.equal(planCollection({ ...question, sinceMs: 25 * 3_600_000 }), true);
  assert.equal(planCollection({ ...question, bytes: 1000 }), false);
  assert.equal(planCollection({ ...question, bytes: 0, urgent: true }), false);
});
