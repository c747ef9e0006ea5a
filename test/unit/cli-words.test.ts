import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { chooseTarget } from '../../src/cli/connect.ts';
import { describeError, exitCodeOf } from '../../src/cli/exit.ts';
import { findApps } from '../../src/cli/remote.ts';
import { RemoteFailure } from '../../src/cli/remote-failure.ts';
import { formatTable, openTerminal } from '../../src/cli/terminal.ts';
import { firstLine, span } from '../../src/cli/words.ts';
import { Failure } from '../../src/failure.ts';
import { toPlain } from '../../src/model/plain-text.ts';

const remote = (status: number, code: string) =>
  new RemoteFailure({ status, code, detail: 'x', fix: 'y', requestId: 'z' });

test('an exit code follows from what went wrong', () => {
  const cases: readonly [unknown, number][] = [
    [remote(400, 'unknown_field'), 2],
    [remote(401, 'token_expired'), 3],
    [remote(403, 'not_allowed'), 3],
    [remote(404, 'app_not_found'), 4],
    [remote(409, 'app_exists'), 1],
    [remote(409, 'already_live'), 0],
    [remote(500, 'internal'), 1],
    [remote(502, 'ssh_unreachable'), 5],
    [remote(599, 'a_code_of_the_future'), 1],
    [new Failure('hawser_unreachable', 'x'), 5],
    [new Failure('config_invalid', 'x'), 2],
    [new TypeError('x'), 1],
  ];
  for (const [error, code] of cases) assert.equal(exitCodeOf(error), code, String((error as Failure).code));
});

test('an error of several lines keeps them above its code and fix', () => {
  assert.deepEqual(describeError(new Failure('config_invalid', 'two mistakes:\n  a\n  b')), [
    ' !     two mistakes:',
    '         a',
    '         b',
    '       code: config_invalid',
    '       fix: Correct the lines named above in deploy.config.json.',
  ]);
});

test('what was so already is told without the mark of an error', () => {
  assert.deepEqual(describeError(remote(409, 'already_live')), [
    '       x',
    '       code: already_live',
    '       fix: y',
  ]);
});

test('apps are found in remotes of this server only', () => {
  const places = ['127.0.0.1:7070', '127.0.0.1:7022', 'deploy.example.com'];
  const lines = (...urls: string[]) =>
    urls.map((url, n) => `r${n}\t${url} (fetch)\nr${n}\t${url} (push)`).join('\n');
  assert.deepEqual(findApps(lines('http://deploy@127.0.0.1:7070/shop.git'), places), ['shop']);
  assert.deepEqual(findApps(lines('http://deploy:hw_x@127.0.0.1:7070/shop'), places), ['shop']);
  assert.deepEqual(findApps(lines('ssh://git@127.0.0.1:7022/shop.git'), places), ['shop']);
  assert.deepEqual(findApps(lines('https://deploy.example.com:443/shop.git'), places), ['shop']);
  assert.deepEqual(findApps(lines('http://127.0.0.1:7071/shop.git'), places), []);
  assert.deepEqual(findApps(lines('https://deploy.example.com.evil.org/shop.git'), places), []);
  assert.deepEqual(findApps(lines('http://127.0.0.1:7070/group/shop.git'), places), []);
  assert.deepEqual(findApps(lines('git@github.com:them/shop.git', '/srv/shop.git'), places), []);
  assert.deepEqual(findApps('', places), []);
});

test('which server is meant: the named file, else the environment, else the file of the folder', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'deploy.config.json');
  const socketFor = (content: string, name: string | undefined, env: Record<string, string> = {}) => {
    writeFileSync(file, content);
    return chooseTarget(name, env, folder);
  };
  const env = { HAWSER_URL: 'https://deploy.example.com', HAWSER_TOKEN: 'hw_x' };
  assert.deepEqual(socketFor('{}', undefined), { kind: 'socket', path: join(folder, 'data/hawser.sock') });
  assert.deepEqual(socketFor('{"data":"/srv/h"}', undefined), { kind: 'socket', path: '/srv/h/hawser.sock' });
  assert.deepEqual(socketFor('{"data":"~/h"}', undefined, { HOME: '/home/a' }), {
    kind: 'socket',
    path: '/home/a/h/hawser.sock',
  });
  assert.deepEqual(socketFor('{}', undefined, env), { kind: 'url', url: env.HAWSER_URL, token: 'hw_x' });
  assert.deepEqual(socketFor('{}', file, env), { kind: 'socket', path: join(folder, 'data/hawser.sock') });
  // Being edited, and wrong elsewhere: still good enough to ask the server that runs.
  assert.equal(socketFor('{"data":"./d","prot":1}', undefined).kind, 'socket');
  assert.throws(() => socketFor('{', undefined), { code: 'config_parse_error' });
  assert.throws(() => socketFor('{}', 'nope.json'), { code: 'config_not_found' });
});

test('a table is aligned for people and tabbed for programs', () => {
  const rows = [
    ['shop', 'v12'],
    ['a', ''],
  ];
  assert.deepEqual(
    formatTable(['APP', 'RELEASE'], rows).map(({ text }) => text),
    ['APP   RELEASE', 'shop  v12', 'a'],
  );
  assert.deepEqual(
    formatTable(null, rows).map(({ text }) => text),
    ['shop\tv12', 'a\t'],
  );
});

test('colours only on a terminal, and not with NO_COLOR', () => {
  const bold = (isTTY: boolean, noColor: string | undefined) => {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    return openTerminal({ stdin: process.stdin, stdout, stderr: new PassThrough(), noColor }).bold('x');
  };
  assert.equal(bold(true, undefined), '\x1b[1mx\x1b[22m');
  assert.equal(bold(true, '1'), 'x');
  assert.equal(bold(false, undefined), 'x');
});

test('what others wrote cannot move the terminal', () => {
  assert.equal(toPlain('a\x1b[2Jb\x1b]52;c;eA==\x07c\rd\u202ee\tf'), 'abcde\tf');
  assert.equal(firstLine('subject \x1b[31mred\n\nbody'), 'subject red');
  assert.equal(firstLine('x'.repeat(99), 10), `${'x'.repeat(9)}…`);
  assert.equal(firstLine(null), '-');
});

test('a time that has not come has no length', () => {
  assert.equal(span('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:09.849Z'), '9.8s');
  assert.equal(span('2026-01-01T00:00:00.000Z', null), '-');
});
