import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openScreen } from '../../src/api/attached-run.ts';
import type { ObservedContainer, ObservedServer } from '../../src/model/container.ts';
import { correctExit, openInput } from '../../src/pipeline/runs/attach.ts';
import { chooseServing } from '../../src/pipeline/runs/serving.ts';
import { makeRedactor } from '../../src/secrets/redactor.ts';

function container(name: string, release: number, state: ObservedContainer['state'] = 'running') {
  const [process = '', index = ''] = name.split('.');
  const common = { server: 'app1', app: 'shop', env: 'production', deploy: 1, epoch: 1, address: null };
  const full = `shop-production-v${release}-${process}-${index}`;
  return { ...common, id: full, name: full, release, process, index: Number(index), state, imageId: 'x' };
}

function choose(
  type: string,
  index: number | null,
  containers: ObservedContainer[],
  away: ObservedServer[] = [],
) {
  const seen: ObservedServer[] = [{ server: 'app1', reachable: true, containers }, ...away];
  return chooseServing(seen, { type, index }, 'production of shop').name;
}

test('of several containers the first that runs of the newest release is meant', () => {
  const all = [
    container('web.1', 1),
    container('web.2', 2),
    container('web.1', 2, 'exited'),
    container('worker.1', 3),
  ];
  assert.equal(choose('web', null, all), 'shop-production-v2-web-2');
  assert.equal(choose('web', 1, all), 'shop-production-v1-web-1');
  assert.throws(() => choose('web', 3, all), { code: 'process_unknown' });
  assert.throws(() => choose('web', 1, [container('web.1', 2, 'exited')]), { code: 'process_not_running' });
  const away: ObservedServer[] = [{ server: 'app2', reachable: false, reason: 'no answer' }];
  assert.equal(choose('web', null, all, away), 'shop-production-v2-web-2');
  assert.throws(() => choose('web', 3, all, away), {
    code: 'server_unreachable',
    message: /app2: no answer/,
  });
});

test('input that is told twice comes once, and a hole in it is refused', async () => {
  const stream = new PassThrough();
  const put = openInput({ stream, terminal: false });
  const piece = (at: number, data: string, isLast = false) => put({ at, data: Buffer.from(data), isLast });
  await piece(0, 'abc');
  await piece(0, 'abcd');
  await assert.rejects(piece(9, 'z'), { code: 'invalid_input' });
  await piece(4, 'e', true);
  assert.equal(await text(stream), 'abcde');
});

test('a terminal is told of the end of the input by its key', async () => {
  const stream = new PassThrough();
  await openInput({ stream, terminal: true })({ at: 0, data: Buffer.from('x'), isLast: true });
  assert.equal(String(stream.read()), 'x\x04');
});

test('126 of an engine that found no program is 127', () => {
  const said = (line: string) => correctExit({ stream: 'stdout', data: Buffer.from(line) });
  const start = 'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": ';
  assert.equal(said(`${start}executable file not found in $PATH: unknown`), 127);
  assert.equal(said(`${start}permission denied: unknown`), 126);
  assert.equal(said('sh: executable file not found'), 126);
  assert.equal(correctExit(null), 126);
});

test('what may not be read is hidden over the pieces in which it comes; else every byte is as it was', () => {
  const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x5b]);
  assert.equal(openScreen(null).show({ stream: 'stdout', data: bytes }), bytes);
  const screen = openScreen(makeRedactor(['correct-horse']));
  const show = (data: string) => screen.show({ stream: 'stdout', data: Buffer.from(data) }).toString();
  const shown = [
    show('a corr'),
    show('ect-hor'),
    show('se b'),
    show(' cor'),
    screen.end('stdout').toString(),
  ];
  assert.equal(shown.join(''), 'a [redacted] b cor');
});
