import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { openMailbox } from '../../src/api/mailbox.ts';
import { formatEvent, openStream, type ServerEvent, type Streamed } from '../../src/api/stream.ts';
import { parseEvents } from '../../src/cli/events.ts';
import { Failure } from '../../src/failure.ts';

async function* cutAt(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

const options = (signal = new AbortController().signal) => ({
  requestId: 'r1',
  signal,
  stillAllowed: async () => undefined,
  report: () => undefined,
});

async function readAll(answer: Streamed): Promise<string> {
  let text = '';
  for await (const chunk of openStream(answer, options())) text += chunk;
  return text;
}

test('what is sent as an event is what is read, however the network cuts it', async () => {
  const event = fc.record({
    event: fc.constantFrom(undefined, 'end', 'state'),
    id: fc.constantFrom(undefined, '1', '2026-01-01T00:00:00.000000001Z'),
    data: fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\r', ' ')),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.integer({ min: 1, max: 20 }), async (events, size) => {
      const text = events.map((each) => formatEvent(each as ServerEvent)).join(': still here\n\n');
      const seen: unknown[] = [];
      for await (const each of parseEvents(cutAt(text, size))) seen.push(each);
      assert.deepEqual(
        seen,
        events.map(({ event: name = 'message', id, data }) => ({ event: name, id, data })),
      );
    }),
  );
});

test('a line cannot make an event of its own', () => {
  assert.equal(
    formatEvent({ data: 'a\nevent: end\rid: 9\r\nb' }),
    'data: a\ndata: event: end\ndata: id: 9\ndata: b\n\n',
  );
});

test('what goes wrong in a stream is its last event or line', async () => {
  async function* fail<T>(first: T): AsyncGenerator<T> {
    yield first;
    throw new Failure('docker_lost', 'app1 is gone');
  }
  assert.match(
    await readAll({ events: fail({ data: 'x' }) }),
    /^data: x\n\nevent: error\ndata: \{.*"docker_lost".*\}\n\n$/,
  );
  assert.match(await readAll({ lines: fail('x') }), /^x\n ! {5}app1 is gone \(docker_lost\)\n {7}\S.*\n$/);
});

test('a stream ends when its signal does, although nothing comes', async () => {
  const stop = new AbortController();
  const box = openMailbox<ServerEvent>(stop.signal);
  const out = openStream({ events: box.items() }, options(stop.signal));
  out.resume();
  box.put({ data: 'x' });
  setImmediate(() => stop.abort());
  await once(out, 'end');
});

test('a mailbox keeps the order of many writers and forgets the oldest for a slow reader', async () => {
  const stop = new AbortController();
  const box = openMailbox<number>(stop.signal);
  for (let item = 0; item < 10_005; item++) box.put(item);
  const seen: number[] = [];
  for await (const item of box.items()) {
    seen.push(item);
    if (item === 10_004) stop.abort();
  }
  assert.equal(seen.length, 10_000);
  assert.deepEqual([seen[0], seen.at(-1)], [5, 10_004]);
});
