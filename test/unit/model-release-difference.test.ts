import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDifference, diffReleases, isSame } from '../../src/model/release-difference.ts';

const digest = (letter: string) => ({ repository: 'hawser/a1', digest: `sha256:${letter.repeat(64)}` });
const before = {
  image: digest('a'),
  commit: '1'.repeat(40),
  config: { KEEP: 'same', OLD: 'value', TONE: 'low' },
  processes: [
    { type: 'web', command: null, quantity: null },
    { type: 'worker', command: ['work'], quantity: 1 },
  ],
  domains: ['shop.example'],
};

test('a release differs in nothing from itself', () => {
  const difference = diffReleases(before, { ...before });
  assert.equal(isSame(difference), true);
  assert.deepEqual(describeDifference(difference), []);
});

test('variables are told by name, never by value', () => {
  const difference = diffReleases(before, {
    ...before,
    config: { KEEP: 'same', TONE: 'secret', NEW: 'secret' },
  });
  assert.deepEqual(difference.vars, [
    { name: 'NEW', change: 'added' },
    { name: 'OLD', change: 'removed' },
    { name: 'TONE', change: 'changed' },
  ]);
  assert.deepEqual(describeDifference(difference), ['config: +NEW, -OLD, ~TONE']);
});

test('names of JavaScript objects are names like any other', () => {
  const config = JSON.parse('{"__proto__":"a","constructor":"b"}');
  const { vars } = diffReleases({ ...before, config: {} }, { ...before, config });
  assert.deepEqual(
    vars.map((v) => v.name),
    ['__proto__', 'constructor'],
  );
});

test('processes come, go, are scaled and get another command', () => {
  const processes = [
    { type: 'clock', command: ['tick'], quantity: 1 },
    { type: 'web', command: null, quantity: 3 },
    { type: 'worker', command: ['work', '--harder'], quantity: 1 },
  ];
  const after = { ...before, processes };
  assert.deepEqual(describeDifference(diffReleases(before, after)), [
    'process clock: new, 1',
    'process web: one on every server -> 3',
    'process worker: another command',
  ]);
  assert.ok(describeDifference(diffReleases(after, before)).includes('process clock: gone'));
});

test('commit, image and domains', () => {
  const after = { ...before, image: digest('b'), commit: '2'.repeat(40), domains: ['www.example'] };
  const difference = diffReleases(before, after);
  assert.equal(difference.image, true);
  assert.deepEqual(describeDifference(difference), [
    'commit: 1111111 -> 2222222',
    'domains: +www.example, -shop.example',
  ]);
  const again = diffReleases(before, { ...before, image: digest('c') });
  assert.deepEqual(describeDifference(again), ['image: another one of the same commit']);
});

test('everything of a first release is new', () => {
  const difference = diffReleases(null, before);
  assert.deepEqual(difference.commit, { from: null, to: before.commit });
  assert.deepEqual(difference.domains.added, ['shop.example']);
  assert.equal(
    difference.vars.every((v) => v.change === 'added'),
    true,
  );
});
