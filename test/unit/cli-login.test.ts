import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpiry } from '../../src/cli/credential.ts';
import { findLogin, formatLogin, parseAttributes } from '../../src/cli/git-credential.ts';
import { addLogin, dropLogin, originOf } from '../../src/cli/login-file.ts';

const login = { name: 'ada', token: 'hw_x' };
const logins = addLogin({ last: null, servers: {} }, 'https://deploy.example.com', login);

test('git gets the login of exactly the server that it asks about, and no line of somebody else', () => {
  const ask = (text: string) => findLogin(parseAttributes(text), logins);
  assert.equal(ask('protocol=https\nhost=deploy.example.com\nwwwauth[]=Basic\n'), login);
  for (const text of [
    'protocol=http\nhost=deploy.example.com\n',
    'protocol=https\nhost=deploy.example.com.evil.example\n',
    'protocol=https\nhost=deploy.example.com:8443\n',
    'protocol=https\nhost=evil.example/@deploy.example.com\n',
    'protocol=https\nhost=x@deploy.example.com\n',
    'protocol=https\nhost=deploy.example.com/path\n',
    'protocol=https\nhost=__proto__\n',
    'host=deploy.example.com\n',
    '',
  ]) {
    assert.equal(ask(text), null, text);
  }
  assert.deepEqual(formatLogin({ name: 'ada\nhost=evil', token: 'hw_x' }), [
    'username=hawser',
    'password=hw_x',
  ]);
});

test('the last login is meant until it is dropped, then the one before', () => {
  const two = addLogin(logins, 'https://other.example', login);
  assert.equal(two.last, 'https://other.example');
  assert.deepEqual(dropLogin(two, 'https://other.example'), logins);
  assert.deepEqual(dropLogin(logins, 'https://deploy.example.com'), { last: null, servers: {} });
  assert.equal(originOf('https://Deploy.example.com:443/'), 'https://deploy.example.com');
  assert.throws(() => originOf('deploy.example.com'), { code: 'wrong_usage' });
});

test('a token ends after days, on a day, or never', () => {
  const now = new Date('2027-01-01T12:00:00Z');
  assert.equal(parseExpiry('90', now), 90);
  assert.equal(parseExpiry('7d', now), 7);
  assert.equal(parseExpiry('2027-01-31', now), 30);
  assert.equal(parseExpiry('never', now), null);
  for (const text of ['0', '-1', '2026-12-31', '2027-13-01', 'soon', '']) {
    assert.throws(() => parseExpiry(text, now), { code: 'wrong_usage' }, text);
  }
});
