import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { followLines, openJournals } from '../../src/log/journal.ts';
import { hideNothing } from '../support/hide-nothing.ts';

async function makeJournals(t: TestContext, limit = 1_000_000) {
  const folder = await mkdtemp(join(tmpdir(), 'hawser-journal-'));
  t.after(() => rm(folder, { recursive: true }));
  return { folder, journals: openJournals(folder, limit, hideNothing) };
}

test('a follower gets every line once, also those written before it came', async (t) => {
  const { journals } = await makeJournals(t);
  await using writer = await journals.write(1);
  writer.step('one');
  let ended = false;
  const seen: string[] = [];
  const options = { from: 0, signal: t.signal, hasEnded: async () => ended };
  for await (const { line } of journals.follow(1, options)) {
    seen.push(line);
    if (seen.length === 1) writer.detail('two\nthree');
    if (seen.length === 3) ended = true;
  }
  assert.deepEqual(seen, ['-----> one', '       two', '       three']);
});

test('reading goes on from a byte offset', async (t) => {
  const { journals } = await makeJournals(t);
  {
    await using writer = await journals.write(1);
    writer.step('one');
    writer.step('two');
  }
  const [first] = await journals.read(1, 0);
  assert.deepEqual(
    (await journals.read(1, first?.next ?? 0)).map((line) => line.line),
    ['-----> two'],
  );
});

test('a line that a killed writer tore does not swallow the next writer first line', async (t) => {
  const { folder, journals } = await makeJournals(t);
  await appendFile(join(folder, '1.log'), '-----> torn');
  {
    await using writer = await journals.write(1);
    writer.step('next');
  }
  assert.deepEqual(
    (await journals.read(1, 0)).map((line) => line.line),
    ['-----> torn', '-----> next'],
  );
});

test('endless output is cut at the limit, and steps and results still come through', async (t) => {
  const { journals } = await makeJournals(t, 2_000);
  {
    await using writer = await journals.write(1);
    for (let count = 0; count < 100; count += 1) writer.detail('x'.repeat(100));
    writer.step('after');
  }
  const lines = (await journals.read(1, 0)).map((line) => line.line);
  assert.ok(lines.length < 25);
  assert.ok(lines.includes('-----> after'));
  assert.match(lines.at(-1) ?? '', /KB of output were left out/);
});

test('the last lines are read even when the shared read began before they were written', async (t) => {
  const { folder } = await makeJournals(t);
  const file = join(folder, '1.log');
  const hasEnded = async () => {
    await appendFile(file, 'last\n');
    return true;
  };
  const options = { from: 0, signal: t.signal, hasEnded, read: async () => [] };
  const seen: string[] = [];
  for await (const { line } of followLines(folder, file, options)) seen.push(line);
  assert.deepEqual(seen, ['last']);
});

test('following ends when the signal aborts', async (t) => {
  const { journals } = await makeJournals(t);
  const stop = new AbortController();
  const options = { from: 0, signal: stop.signal, hasEnded: async () => false };
  setImmediate(() => stop.abort());
  for await (const line of journals.follow(1, options)) assert.fail(`no line was written: ${line.line}`);
  assert.ok(stop.signal.aborted);
});
