import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf } from '../../src/fleet/host-key.ts';
import { openShared } from '../../src/fleet/shared.ts';
import { openSlots } from '../../src/fleet/slots.ts';

const never = new AbortController().signal;

test('however many ask, one attempt is made, and another one after the value ended', async () => {
  const made: AbortController[] = [];
  const shared = openShared(async () => {
    const ended = new AbortController();
    made.push(ended);
    return { closed: ended.signal };
  });
  const all = await Promise.all(Array.from({ length: 10 }, () => shared.get(never)));
  assert.equal(new Set(all).size, 1);
  assert.equal(made.length, 1);
  made[0]?.abort();
  assert.equal(shared.current(), null);
  assert.notEqual(await shared.get(never), all[0]);
  assert.equal(made.length, 2);
});

test('a failure is the answer to all who ask at that time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let attempts = 0;
  const shared = openShared<{ closed: AbortSignal }>(async () => {
    attempts += 1;
    throw new Error(`attempt ${attempts}`);
  });
  for (let i = 0; i < 3; i += 1) await assert.rejects(shared.get(never), /attempt 1/);
  t.mock.timers.tick(2_000);
  await assert.rejects(shared.get(never), /attempt 2/);
});

test('one caller that gives up does not take the others with it', async () => {
  const { promise, resolve } = Promise.withResolvers<{ closed: AbortSignal }>();
  const shared = openShared(() => promise);
  const impatient = new AbortController();
  const first = shared.get(impatient.signal);
  const second = shared.get(never);
  impatient.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  resolve({ closed: never });
  assert.deepEqual(await second, { closed: never });
});

test('slots are given in order, and an aborted wait takes none', async () => {
  const slots = openSlots(1);
  const release = await slots.take();
  const order: string[] = [];
  const left = new AbortController();
  const gone = slots.take(left.signal);
  const next = slots.take();
  void next.then(() => order.push('next'));
  const last = slots.take();
  void last.then(() => order.push('last'));
  left.abort(new Error('left'));
  await assert.rejects(gone, /left/);
  release();
  release();
  (await next)();
  (await last)();
  assert.deepEqual(order, ['next', 'last']);
  await slots.take();
});

test('a fingerprint is what ssh-keygen -l prints', () => {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS';
  assert.match(fingerprintOf(Buffer.from(key, 'base64')), /^SHA256:[A-Za-z0-9+/]{43}$/);
});
