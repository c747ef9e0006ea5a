import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followAttached, openSender } from '../../src/cli/attached-run.ts';
import type { Asking, Client } from '../../src/cli/client.ts';
import type { StreamEvent } from '../../src/cli/events.ts';
import { fitSize, openKeyboard, parseParent } from '../../src/cli/keyboard.ts';
import { chooseScreen, splitProcess } from '../../src/cli/run-options.ts';
import type { Session } from '../../src/cli/session.ts';

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

test('the terminal is given back however it ends, and a lost connection is told', async () => {
  const begun = { event: 'begun', data: '{"id":1,"env":"production","key":"k"}', id: undefined };
  const end = { ...begun, event: 'end', data: '{"id":1,"outcome":"exited","exitCode":7}' };
  const follow = async (events: readonly StreamEvent[], error: Error | null) => {
    const held = new Set<string>();
    const hold = (name: string) => {
      held.add(name);
      return { [Symbol.dispose]: () => void held.delete(name) };
    };
    const seen = { code: 0, most: 0, held };
    const session = {
      terminal: { say: () => undefined },
      interrupt: () => new AbortController().signal,
      keyboard: { read: () => hold('keys') },
      end(code: number) {
        seen.code = code;
      },
    } as unknown as Session;
    const client = {
      async *follow() {
        for (const event of events) {
          yield event;
          seen.most = Math.max(seen.most, held.size);
        }
        if (error) throw error;
      },
    } as unknown as Client;
    const screen = { kind: 'xterm', size: () => ({ rows: 24, columns: 80 }), take: () => hold('screen') };
    const options = { app: '/apps/shop', path: '/exec', body: {}, screen, input: true };
    const ended = followAttached(session, client, options);
    if (error) await assert.rejects(ended, error);
    else await ended;
    return [seen.most, held.size, seen.code];
  };
  assert.deepEqual(await follow([begun, { ...end, event: 'ping' }, end], null), [2, 0, 7]);
  assert.deepEqual(await follow([begun], null), [2, 0, 5]);
  assert.deepEqual(await follow([begun], new Error('lost')), [2, 0, 0]);
});
