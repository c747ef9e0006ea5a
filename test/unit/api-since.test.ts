import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSince } from '../../src/api/since.ts';

test('a time is so long ago or written with its zone; what was written at it is not too old', () => {
  const now = Date.parse('2026-03-01T12:00:00.500Z');
  assert.equal(parseSince('10m', now), '2026-03-01T11:50:00.499999999Z');
  assert.equal(parseSince('2026-03-01T12:00:00Z', now), '2026-03-01T11:59:59.999999999Z');
  assert.equal(parseSince('2026-03-01T12:00+02:00', now), '2026-03-01T09:59:59.999999999Z');
  assert.ok('2026-03-01T12:00:00.000000000Z' > (parseSince('2026-03-01T12:00:00Z', now) ?? ''));
  for (const text of [
    '',
    '10',
    '-5m',
    '1e9s',
    '10 m',
    'yesterday',
    '2026-03-01',
    '2026-03-01T12:00:00',
    '2026-13-01T12:00Z',
    '999999999d',
  ])
    assert.equal(parseSince(text, now), undefined, text);
});
