import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { answerExamination, openPrinter, readExamination } from '../../src/receive/hooks.ts';

const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];

function open(): { hook: Socket; words: Socket } {
  const [hook, words] = duplexPair();
  return { hook: hook as Socket, words: words as Socket };
}

test('a call is read whole wherever it is cut', async () => {
  const text = `objects/tmp_objdir-1\0${2}\0env=x\nrefuse\0no-wait\0${a} ${b} refs/heads/ä\n${a} ${b} refs/tags/v1\n\0`;
  const bytes = Buffer.from(text);
  for (const size of [1, 7, 64, bytes.length]) {
    const { hook, words } = open();
    const call = readExamination(words);
    for (let at = 0; at < bytes.length; at += size) {
      hook.write(bytes.subarray(at, at + size));
      await setImmediate();
    }
    assert.deepEqual(await call, {
      phase: 'pre-receive',
      updates: [
        { old: a, new: b, ref: 'refs/heads/ä' },
        { old: a, new: b, ref: 'refs/tags/v1' },
      ],
      total: 2,
      options: ['env=x\nrefuse', 'no-wait'],
      atomic: false,
      quarantine: 'objects/tmp_objdir-1',
    });
  }
});

test('of a list that is too long the length is told, and of one that is too large nothing is taken', async () => {
  const line = (n: number, more = '') => `${a} ${b} refs/heads/${n}${more}\n`;
  const long = open();
  const told = readExamination(long.words);
  long.hook.write(`\0${0}\0${Array.from({ length: 200_000 }, (_, n) => line(n)).join('')}\0`);
  const { updates, total } = (await told) ?? { updates: [], total: 0 };
  assert.deepEqual([updates.length, total], [2000, 200_000]);

  const large = open();
  const nothing = readExamination(large.words);
  large.hook.write(`\0${0}\0${line(1, 'x'.repeat(9 * 2 ** 20))}\0`);
  assert.equal(await nothing, null);
});

test('a hook that ends early has said nothing', async () => {
  const { hook, words } = open();
  const call = readExamination(words);
  hook.write('objects\0');
  words.destroy();
  assert.equal(await call, null);
});

test('what is told to the pusher is never taken for the answer', async () => {
  const { hook, words } = open();
  openPrinter(words, ' ')('accept\nrefuse\n');
  answerExamination(words, false);
  words.end();
  assert.equal(await text(hook), ' accept\n refuse\nrefuse\n');
});
