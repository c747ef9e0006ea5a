import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSender } from '../../src/cli/attached-run.ts';
import type { Asking } from '../../src/cli/client.ts';
import { fitSize, openKeyboard, parseParent } from '../../src/cli/keyboard.ts';
import { chooseScreen, splitProcess } from '../../src/cli/run-options.ts';

test('what stands before -- is the process, and a command needs it', () => {
  const split = (words: string[], typed: string) => splitProcess(words, typed.split(' '));
  assert.deepEqual(split(['web.1', 'ls', '-l'], 'ps:exec -a x web.1 -- ls -l'), {
    process: 'web.1',
    command: ['ls', '-l'],
  });
  assert.deepEqual(split(['ls', '--', 'x'], 'ps:exec -- ls -- x'), {
    process: null,
    command: ['ls', '--', 'x'],
  });
  for (const [words, typed] of [
    [['web.1', 'ls'], 'ps:exec web.1 ls'],
    [['web.1', 'web.2', 'ls'], 'ps:exec web.1 web.2 -- ls'],
    [['web.1'], 'ps:exec web.1 --'],
  ] as const) {
    assert.throws(() => split([...words], typed), { code: 'wrong_usage' });
  }
});

test('a command has the terminal that is here, unless it is said otherwise', () => {
  const { stdin, stdout } = process;
  const guest = openKeyboard({ stdin, stdout }, { HAWSER_TERMINAL: '30 100 vt220' });
  const nobody = openKeyboard({ stdin: { isTTY: false } as typeof stdin, stdout }, {});
  const env = {};
  assert.deepEqual(guest.screen?.size(), { rows: 30, columns: 100 });
  assert.equal(chooseScreen({ keyboard: guest, env }, {}), guest.screen);
  assert.equal(chooseScreen({ keyboard: guest, env }, { tty: false }), null);
  assert.equal(chooseScreen({ keyboard: guest, env }, { detach: true }), null);
  assert.equal(chooseScreen({ keyboard: guest, env }, { stdin: false }), null);
  assert.equal(chooseScreen({ keyboard: nobody, env }, {}), null);
  for (const [keyboard, options] of [
    [nobody, { tty: true }],
    [guest, { tty: true, detach: true }],
    [guest, { tty: true, stdin: true }],
  ] as const) {
    assert.throws(() => chooseScreen({ keyboard, env }, options), { code: 'wrong_usage' });
  }
});

test('sizes and kinds of a terminal that nobody can have become the usual ones', () => {
  assert.deepEqual(fitSize({}), { rows: 24, columns: 80 });
  assert.deepEqual(fitSize({ rows: 0, columns: 1e9 }), { rows: 24, columns: 1000 });
  assert.deepEqual(parseParent('0 0 x;y'), { size: { rows: 24, columns: 80 }, kind: 'xterm' });
  assert.equal(parseParent(undefined), null);
  assert.equal(parseParent('24'), null);
});

test('input goes in its order, one request at a time, and its end comes last', async () => {
  const sent: Record<string, unknown>[] = [];
  const gates: (() => void)[] = [];
  const client = {
    async ask<T>(_path: string, { body }: Asking = {}): Promise<T> {
      sent.push(body as Record<string, unknown>);
      await new Promise<void>((resolve) => gates.push(resolve));
      return {} as T;
    },
  };
  const sender = openSender(client, '/apps/shop/runs/1/input', { env: 'production', key: 'k' });
  void sender.put(Buffer.from('a'));
  void sender.put(Buffer.from('b'));
  sender.resize({ rows: 1, columns: 2 });
  void sender.put(Buffer.from('c'));
  const ended = sender.end();
  assert.equal(sent.length, 1);
  gates.shift()?.();
  while (gates.length === 0) await new Promise(setImmediate);
  gates.shift()?.();
  await ended;
  const common = { env: 'production', key: 'k' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  assert.deepEqual(sent, [
    { ...common, at: 0, data: base64('a') },
    { ...common, at: 1, data: base64('bc'), size: { rows: 1, columns: 2 }, last: true },
  ]);
});
