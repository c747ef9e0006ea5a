import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteArguments } from '../../src/fleet/quote.ts';

test('a shell takes what is quoted for exactly the same arguments', () => {
  const argument = fc
    .string({ unit: 'binary' })
    .filter((text) => !text.includes('\0') && text.isWellFormed());
  const nasty = fc.constantFrom('', "'", "a'b", '$(id)', '`id`', '; rm x', '\n', '-n', '"', '\\', '*');
  fc.assert(
    fc.property(fc.array(fc.oneof(argument, nasty), { maxLength: 6 }), (argv) => {
      const line = quoteArguments(['printf', '%s\\0', 'begin', ...argv]);
      const { stdout } = spawnSync('dash', ['-c', line], { encoding: 'utf8' });
      assert.deepEqual(stdout.split('\0').slice(1, -1), argv);
    }),
    { numRuns: 60 },
  );
  assert.throws(() => quoteArguments(['a\0b']), RangeError);
});
