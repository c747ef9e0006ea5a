import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failpoints } from '../../src/announce.ts';
import { formatReport } from '../support/fault-report.ts';

const row = { end: 'live', trueAfterMs: 4_161, sent: 204, failed: 0 };
const run = { failed: [], date: '2030-01-02', minutes: 40, commit: 'abc1234' };

test('every announced moment has its line, run or not', () => {
  const report = formatReport({ ...run, rows: [{ ...row, step: 'receive:act', fault: 'SIGKILL' }] });
  for (const point of failpoints) assert.ok(report.includes(`| \`${point}\` |`), point);
  assert.match(report, /\| `receive:act` \| live, 4\.2 s, 0 of 204 failed \| – \|/);
  assert.match(report, /2030-01-02, commit abc1234, 40 minutes .* 1 cells, all as they should be/);
});

test('a cell that was run twice tells of its last run, a failed test is named', () => {
  const rows = [
    { ...row, step: 'building', fault: 'redis', end: 'lost' },
    { ...row, step: 'building', fault: 'redis', sent: 0 },
  ];
  const report = formatReport({ ...run, rows, failed: ['building: up is killed'] });
  assert.match(report, /\| `building` \| live, 4\.2 s \|/);
  assert.match(report, /\*\*failed: building: up is killed\*\*/);
});
