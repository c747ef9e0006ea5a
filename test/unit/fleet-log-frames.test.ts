import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitFrames } from '../../src/fleet/log-frames.ts';

function frame(stream: 1 | 2, text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

async function read(chunks: Buffer[]) {
  const lines = [];
  for await (const line of splitFrames(chunks)) lines.push(line);
  return lines;
}

const t1 = '2026-01-01T00:00:00.000000001Z';
const t2 = '2026-01-01T00:00:00.000000002Z';

test('lines come out the same however the bytes are cut', async () => {
  const bytes = Buffer.concat([frame(1, `${t1} héllo\n`), frame(2, `${t2} oops\r\n`), frame(1, `${t2} \n`)]);
  const expected = [
    { at: t1, line: 'héllo', stream: 'stdout' },
    { at: t2, line: 'oops', stream: 'stderr' },
    { at: t2, line: '', stream: 'stdout' },
  ];
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    assert.deepEqual(await read(chunks), expected, `chunks of ${size}`);
  }
});

test('a line that the engine cut is put together, without mixing the streams', async () => {
  const chunks = [frame(1, `${t1} first `), frame(2, `${t1} other\n`), frame(1, `${t2} second\n`)];
  assert.deepEqual(await read(chunks), [
    { at: t1, line: 'other', stream: 'stderr' },
    { at: t1, line: 'first second', stream: 'stdout' },
  ]);
});

test('a last line without its end is kept, an endless one is cut at 64 KB', async () => {
  assert.deepEqual(await read([frame(1, `${t1} half`)]), [{ at: t1, line: 'half', stream: 'stdout' }]);
  const part = 'x'.repeat(16 * 1024);
  const lines = await read(Array.from({ length: 9 }, () => frame(1, `${t1} ${part}`)));
  assert.deepEqual(
    lines.map(({ line }) => line.length),
    [65_536, 65_536, 16_384],
  );
});

test('of a container with a terminal every line is its own, however the bytes are cut', async () => {
  const bytes = Buffer.from(`${t1} # héllo\r\n${t2} half`);
  const expected = [
    { at: t1, line: '# héllo', stream: 'stdout' },
    { at: t2, line: 'half', stream: 'stdout' },
  ];
  for (let size = 1; size <= bytes.length; size += 1) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    assert.deepEqual(await read(chunks), expected, `chunks of ${size}`);
  }
});
