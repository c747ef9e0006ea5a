import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../src/failure.ts';
import { isGitUrl, parseCredentials, parseGitRequest } from '../../src/receive/git/request.ts';
import { oneLine, printable } from '../../src/receive/printable.ts';

const refs = 'info/refs?service=git-receive-pack';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Failure ? error.code : `threw ${String(error)}`;
  }
  return 'nothing';
}

const get = (url: string) => codeOf(() => parseGitRequest({ method: 'GET', url, headers: {} }));

test('the exact URLs of the smart protocol are read, with and without .git', () => {
  for (const url of [`/shop.git/${refs}`, `/shop/${refs}`]) {
    const asked = parseGitRequest({ method: 'GET', url, headers: { 'git-protocol': 'version=2' } });
    assert.deepEqual(asked, {
      kind: 'advertise',
      service: 'receive-pack',
      appName: 'shop',
      encoding: 'identity',
      protocol: 'version=2',
    });
  }
});

test('no trick with the path leads to another repository', () => {
  const tricks = [
    '/../../etc/passwd.git',
    '/%2e%2e%2fetc.git',
    '/%252e%252e.git',
    '/..%5cx.git',
    '//shop.git',
    '//abs/path/x.git',
    '/git/shop.git',
    '/shop.git/../other.git',
    '/shop%00.git',
    '/shop\0.git',
    '/./shop.git',
    '/.git',
    '/..',
    '/Shop.git',
    '/shop.git.git',
    '/app.github',
    '/pub.git/secret',
    '/shop .git',
    '/é.git',
  ];
  for (const trick of tricks) {
    assert.match(get(`${trick}/${refs}`), /^(?:invalid_app_name|git_path_unknown)$/, trick);
  }
});

test('names that a shell would read are no names', () => {
  for (const name of [
    'a;touch%20/tmp/x',
    '$(id)',
    '`id`',
    'a|b',
    'a&b',
    '-x',
    '--help',
    'a%00b',
    'A',
    'api',
    'a'.repeat(64),
  ]) {
    assert.match(get(`/${name}.git/${refs}`), /^(?:invalid_app_name|git_path_unknown)$/, name);
  }
});

test('services and methods that do not exist are refused by name', () => {
  assert.equal(get('/shop.git/info/refs'), 'git_service_refused');
  assert.equal(get('/shop.git/info/refs?service=git-evil-pack'), 'git_service_refused');
  assert.equal(get('/shop.git/info/refs?service=git-upload-pack&x=1'), 'git_service_refused');
  assert.equal(get('/shop.git/HEAD'), 'git_path_unknown');
  assert.equal(get('/shop.git/config'), 'git_path_unknown');
  assert.equal(get('/shop.git/objects/info/packs'), 'git_path_unknown');
  assert.equal(get('/shop.git/git-receive-pack'), 'git_method_not_allowed');
});

test('a body is taken only in the type and the encodings that git sends', () => {
  const post = (headers: Record<string, string>) =>
    codeOf(() => parseGitRequest({ method: 'POST', url: '/shop.git/git-receive-pack', headers }));
  const type = 'application/x-git-receive-pack-request';
  assert.equal(post({ 'content-type': type, 'content-encoding': 'gzip' }), 'nothing');
  assert.equal(post({ 'content-type': 'text/plain' }), 'git_type_not_supported');
  assert.equal(post({ 'content-type': 'application/x-git-upload-pack-request' }), 'git_type_not_supported');
  assert.equal(post({ 'content-type': type, 'content-encoding': 'deflate' }), 'git_type_not_supported');
});

test('a protocol version is passed on only when it is one', () => {
  for (const version of ['version=2:$(id)', 'version=999', 'x'.repeat(10_000), 'version=2\nA=B']) {
    const asked = parseGitRequest({
      method: 'GET',
      url: `/shop.git/${refs}`,
      headers: { 'git-protocol': version },
    });
    assert.equal(asked.protocol, null);
  }
});

test('credentials are read or named malformed', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  assert.equal(parseCredentials(undefined), null);
  assert.deepEqual(parseCredentials(basic('deploy:a:b')), { username: 'deploy', password: 'a:b' });
  assert.deepEqual(parseCredentials('Bearer abc'), { username: '', password: 'abc' });
  const broken = [
    'Basic',
    'Basic ',
    'Basic !!!',
    basic('nocolon'),
    basic('a:b\n'),
    'Bearer',
    'Bearer  ',
    'Digest x',
    basic('x'.repeat(1e6)),
  ];
  for (const header of broken)
    assert.equal(
      codeOf(() => parseCredentials(header)),
      'token_malformed',
      header.slice(0, 30),
    );
});

test('the git server answers all that git could mean and nothing else', () => {
  for (const url of [
    '/shop.git',
    `/shop.git/${refs}`,
    '/shop.git/HEAD',
    '/shop/git-upload-pack',
    `//x/${refs}`,
  ])
    assert.ok(isGitUrl(url), url);
  for (const url of ['/', '/api/v1/apps', '/shop', '/x?y=.git', '/shop.github'])
    assert.ok(!isGitUrl(url), url);
});

test('what is shown to a terminal cannot move it', () => {
  assert.equal(printable('\x1b[31mred\x1b[0m \x1b]0;title\x07x\ty\u202e'), 'red x\ty\\u202e');
  assert.equal(printable('a\rb\x1b'), 'a\\x0db\\x1b');
  assert.equal(oneLine('a\nb'), 'a b');
  assert.equal(oneLine('x'.repeat(500)).length, 200);
});
