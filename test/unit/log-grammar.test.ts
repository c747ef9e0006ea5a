import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLines } from '../../src/log/grammar.ts';
import { measureCpu } from '../support/cpu-time.ts';

test('each kind has its prefix, and what follows a first line is detail', () => {
  assert.deepEqual(toLines('step', 'Building'), ['-----> Building']);
  assert.deepEqual(toLines('result', 'Released v1'), ['=====> Released v1']);
  assert.deepEqual(toLines('warning', 'one\ntwo'), [' !     one', '       two']);
  assert.deepEqual(toLines('detail', 'a\nb\n'), ['       a', '       b']);
});

test('no escape sequence, control or bidirectional character reaches a terminal', () => {
  const hostile = '\u001b]52;c;ZXZpbA==\u0007\u001b[2Jx\u001b]8;;javascript:1\u0007y\u202ez\u0000';
  const [line = ''] = toLines('detail', hostile);
  assert.doesNotMatch(line, /[\p{Cc}\u202a-\u202e]/u);
  assert.match(line, /x.*y.*z/);
});

test('of a line that overwrites itself the last state is kept', () => {
  assert.deepEqual(toLines('detail', '10%\r50%\r100%\r\n'), ['       100%']);
});

test('a line is cut at 16 KiB and says so', () => {
  const [line = ''] = toLines('detail', 'x'.repeat(20_000));
  assert.ok(line.length < 16_500);
  assert.match(line, /… 3616 more$/);
});

test('ten megabytes of escapes are cleaned in linear time', () => {
  const text = `${'\u001b['.repeat(1_000_000)}\n${'\u001b]'.repeat(1_000_000)}`;
  const { ms } = measureCpu(() => toLines('detail', text));
  assert.ok(ms < 15_000, `${ms} ms`);
});
