import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failure } from '../../src/failure.ts';
import { quoteArguments } from '../../src/fleet/quote.ts';
import { isAppName } from '../../src/model/names.ts';
import { parseAsked, splitWords } from '../../src/receive/ssh/words.ts';

function ask(text: string): unknown {
  try {
    return parseAsked(text);
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

test('what git sends is understood in all its forms', () => {
  const push = { kind: 'git', service: 'receive-pack', appName: 'shop' };
  for (const path of [
    "'shop.git'",
    "'/shop.git'",
    "'shop'",
    "'/shop/'",
    'shop',
    '/shop.git',
    '"/shop.git"',
  ]) {
    assert.deepEqual(ask(`git-receive-pack ${path}`), push, path);
    assert.deepEqual(ask(`git receive-pack ${path}`), push, path);
  }
  assert.deepEqual(ask("git-upload-pack '/shop.git'"), { ...push, service: 'upload-pack' });
});

test('what looks like git and is not in its forms is refused', () => {
  const refused: Record<string, string> = {
    "git-receive-pack '/../../x'": 'invalid_app_name',
    "git-receive-pack 'app.git; id'": 'invalid_app_name',
    "git-receive-pack '$(touch /tmp/x)'": 'invalid_app_name',
    'git-receive-pack --help': 'invalid_app_name',
    "git-receive-pack '~/x'": 'invalid_app_name',
    "git-receive-pack ''": 'git_path_unknown',
    'git-receive-pack': 'git_path_unknown',
    "git-receive-pack 'app' 'extra'": 'git_path_unknown',
    'git-receive-pack app; id': 'git_path_unknown',
    "git-receive-pack 'app": 'wrong_usage',
    "git-upload-archive 'app'": 'git_service_refused',
    git: 'git_service_refused',
    'git --exec-path=/tmp receive-pack app': 'git_service_refused',
    'git -c x=y receive-pack app': 'git_service_refused',
    "git-receive-pack 'a\0b'": 'wrong_usage',
    "git-receive-pack 'constructor/x'": 'invalid_app_name',
    '/bin/sh -c id': 'ssh_command_unknown',
    '$(id)': 'ssh_command_unknown',
    './x': 'ssh_command_unknown',
    '': 'ssh_command_unknown',
    '--config /etc/shadow apps': 'ssh_command_unknown',
  };
  for (const [text, code] of Object.entries(refused)) assert.equal(ask(text), code, text);
});

test('command words are split as a shell would and never expanded', () => {
  assert.deepEqual(splitWords(`config:set A='b c' "D=e \\"f\\" \\x" g\\ h '' *`), [
    'config:set',
    'A=b c',
    'D=e "f" \\x',
    'g h',
    '',
    '*',
  ]);
  assert.deepEqual(ask('config:set A=$HOME `id` ~'), {
    kind: 'command',
    argv: ['config:set', 'A=$HOME', '`id`', '~'],
  });
});

test('every list of words comes back from its quoting', () => {
  const words = fc.array(fc.string({ unit: 'grapheme' }).filter((word) => !/(?![\t\n])\p{Cc}/u.test(word)));
  fc.assert(
    fc.property(words, (argv) => assert.deepEqual(splitWords(quoteArguments(argv)), argv)),
    { numRuns: 5_000 },
  );
});

test('whatever is sent, a git form has the name of an app and nothing else leads to git', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'git-recvupload pack\'"\\/.; $(){}&|\n\0shop~*') });
  const texts = fc.oneof(
    noise,
    fc.string({ unit: 'binary' }),
    fc
      .tuple(fc.constantFrom('git-receive-pack ', 'git upload-pack ', ''), noise)
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const asked = ask(text);
      if (typeof asked === 'string') return;
      const { kind, appName, argv } = asked as { kind: string; appName: string; argv: string[] };
      if (kind === 'git') assert.ok(isAppName(appName), text);
      else assert.match(argv[0] ?? '', /^(?!git)[a-z:-]+$|^-V$/);
    }),
    { numRuns: 5_000 },
  );
});
