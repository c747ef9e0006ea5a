import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDotenv, parseDotenv } from '../../src/cli/dotenv.ts';
import { Failure } from '../../src/failure.ts';

test('lines, comments, quotes and line breaks', () => {
  const text = `\ufeff# a comment
PLAIN=value
  SPACED = out of quotes   # and a comment
export SHELL_LIKE=yes
EMPTY=
EMPTY_TOO=""
HASH=a#b
SINGLE='as $is \\n'
DOUBLE="one\\ntwo \\"three\\" \\$four \\x"
KEY="-----BEGIN-----
abc
-----END-----" # of a certificate
EQUALS=a=b==
PLAIN=later\r
CARRIAGE=return\r
LAST=end`;
  assert.deepEqual(parseDotenv(text), {
    PLAIN: 'later',
    SPACED: 'out of quotes',
    SHELL_LIKE: 'yes',
    EMPTY: '',
    EMPTY_TOO: '',
    HASH: 'a#b',
    SINGLE: 'as $is \\n',
    DOUBLE: 'one\ntwo "three" $four \\x',
    KEY: '-----BEGIN-----\nabc\n-----END-----',
    EQUALS: 'a=b==',
    CARRIAGE: 'return',
    LAST: 'end',
  });
});

test('nothing is nothing', () => {
  for (const text of ['', '\n', '  \n\t\n# x', '#']) assert.deepEqual(parseDotenv(text), {});
});

test('a wrong line is told by its number, and never with what is in it', () => {
  for (const [text, line] of [
    ['A=1\nsecret', 2],
    ['\n\n"A"=secret', 3],
    ['1A=secret', 1],
    ['A="secret', 1],
    ["A='secret\nB=2", 1],
    ['A=1\nB="x" secret', 2],
    ['A-B=secret', 1],
  ] as const) {
    assert.throws(
      () => parseDotenv(text),
      (error) =>
        error instanceof Failure &&
        error.code === 'dotenv_invalid' &&
        error.message.startsWith(`Line ${line} `) &&
        !error.message.includes('secret'),
      JSON.stringify(text),
    );
  }
});

test('what is written is read back the same, whatever it is', () => {
  const pieces = [
    'a',
    ' ',
    '#',
    '"',
    "'",
    '\\',
    '\n',
    '\r',
    '\t',
    '$',
    '`',
    '=',
    '\\n',
    'é',
    '🙂',
    '\u2028',
    '',
  ];
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = () => pieces[Math.floor(random() * pieces.length)] ?? '';
  for (let round = 0; round < 3000; round += 1) {
    const vars = Object.fromEntries(
      ['A', 'b_2', '_C'].map((name) => [
        name,
        Array.from({ length: Math.floor(random() * 8) }, pick).join(''),
      ]),
    );
    const text = Object.entries(vars)
      .map(([name, value]) => formatDotenv(name, value))
      .join('\n');
    assert.deepEqual(parseDotenv(text), vars, JSON.stringify(text));
  }
});
