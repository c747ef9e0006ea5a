import assert from 'node:assert/strict';
import { test } from 'node:test';
import balena from '@balena/dockerignore';
import fc from 'fast-check';
import { parseIgnore } from '../../src/build/ignore.ts';
import { Failure } from '../../src/failure.ts';
import { measureCpu } from '../support/cpu-time.ts';

// Expected by what the docker client of engine 20.10 sends.
const cases: [rules: string, ignored: string[], sent: string[]][] = [
  ['', [], ['a', 'a/b']],
  ['# comment\n\n  \n', [], ['#', 'a']],
  ['node_modules', ['node_modules', 'node_modules/x/y'], ['a/node_modules', 'node_modules2']],
  ['/node_modules/', ['node_modules/x'], ['a/node_modules']],
  [
    '**/node_modules',
    ['node_modules/x', 'a/node_modules', 'a/b/node_modules/c'],
    ['node_modules2', 'anode_modules'],
  ],
  ['*.md\n!README.md', ['x.md'], ['README.md', 'a/x.md']],
  ['*.md\n!README*.md\nREADME-secret.md', ['x.md', 'README-secret.md'], ['README.md']],
  ['docs\n!docs/keep', ['docs', 'docs/x'], ['docs/keep', 'docs/keep/x']],
  ['**', ['a', 'a/b'], []],
  ['*', ['a', 'a/b'], []],
  ['*\n!src/**', ['a', 'src'], ['src/a', 'src/a/b']],
  ['a/*/c', ['a/b/c', 'a/x/c/d'], ['a/c', 'a/b/x/c']],
  ['a/**/c', ['a/c', 'a/b/c', 'a/b/x/c'], ['ac', 'b/c']],
  ['?x', ['ax'], ['x', 'aax', '/x']],
  ['[a-c]x', ['ax', 'cx'], ['dx']],
  ['[^a-c]x', ['dx'], ['ax']],
  ['a\\*b', ['a*b'], ['axb']],
  ['./a/../b', ['b'], ['a']],
  ['c++\n(x)+|y', ['c++', '(x)+|y'], ['cc', 'x', 'y']],
  ['.git', ['.git/config'], ['.gitignore', 'xgit']],
  ['A', ['A'], ['a']],
  ['äöü/*', ['äöü/😀'], ['äöu/x']],
  ['!**\na', ['a'], ['b']],
  ['a\r\nb\r\n', ['a', 'b'], ['c']],
];
for (const [rules, ignored, sent] of cases) {
  test(`.dockerignore ${JSON.stringify(rules)}`, () => {
    const isIgnored = parseIgnore(rules);
    assert.deepEqual(
      ignored.filter((path) => !isIgnored(path)),
      [],
      'should be left out',
    );
    assert.deepEqual(sent.filter(isIgnored), [], 'should be sent');
  });
}

test('a pattern that is none is told with its line', () => {
  for (const rules of ['a\n!\n', 'a\n[b\n']) {
    assert.throws(
      () => parseIgnore(rules),
      (error) =>
        error instanceof Failure && error.code === 'dockerignore_invalid' && /line 2/.test(error.message),
    );
  }
  assert.throws(() => parseIgnore('x\n'.repeat(40_000)), { code: 'dockerignore_invalid' });
});

test('agrees with a second reading of the rules on whatever is written', () => {
  const part = fc.stringMatching(/^(?:\*\*|[ab.]?\*?[ab]{1,2}\??)$/);
  const pattern = fc.tuple(fc.constantFrom('', '!'), fc.array(part, { minLength: 1, maxLength: 4 }));
  const rules = fc.array(
    pattern.map(([not, parts]) => not + parts.join('/')),
    { maxLength: 6 },
  );
  const path = fc.array(fc.stringMatching(/^[ab.]{0,2}[ab]$/), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(rules, path, (lines, parts) => {
      const name = parts.join('/');
      const other = balena.default({ ignorecase: false }).add(lines.join('\n'));
      // It looks at parents only as deep as the pattern is; every parent counts, as later versions of Docker have it.
      const theirs = lines.length === 0 ? false : other.ignores(name);
      assert.equal(parseIgnore(lines.join('\n'))(name), theirs, JSON.stringify({ lines, name }));
    }),
    { numRuns: 3000, seed: 7 },
  );
});

test('costs little, whatever the pattern', () => {
  const isIgnored = parseIgnore(`${'**/*a*'.repeat(40)}b\n${'*a'.repeat(200)}b\n(a+)+$\n`);
  const { ms } = measureCpu(() => assert.equal(isIgnored('a'.repeat(4000)), false));
  assert.ok(ms < 5_000, `${ms} ms`);
});
