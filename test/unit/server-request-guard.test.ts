import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseHead, securityHeaders } from '../../src/server/request-guard.ts';

const url = 'https://deploy.example.com';

function refuse(headers: Record<string, string>, method = 'POST', path = '/api/v1/apps') {
  return refuseHead({ method, path, headers, headerCount: 5 }, url)?.code ?? null;
}

test('a request is for a name of this server, or for an address', () => {
  const hosts: Readonly<Record<string, boolean>> = {
    'deploy.example.com': true,
    'deploy.example.com:443': true,
    'Deploy.Example.com': true,
    'deploy.example.com.': true,
    '127.0.0.1:7070': true,
    '[::1]:7070': true,
    '10.0.0.5': true,
    'localhost:9': true,
    'hawser.localhost': true,
    deploybox: true,
    'evil.example': false,
    'deploy.example.com.evil.example': false,
    '127.0.0.1.nip.io': false,
    'localhost.evil.example:7070': false,
    'deploy.example.com@evil.example': false,
    'evil.example/deploy.example.com': false,
    'a b': false,
    '': false,
  };
  for (const [host, known] of Object.entries(hosts))
    assert.equal(refuse({ host }), known ? null : 'host_unknown', host);
  assert.equal(refuse({ host: 'evil.example' }, 'GET'), 'host_unknown');
  assert.equal(refuse({ host: 'evil.example' }, 'GET', '/readyz'), null);
});

test('a browser changes something only from a page of this server', () => {
  const host = 'deploy.example.com';
  const rows: readonly [Record<string, string>, boolean][] = [
    [{}, true],
    [{ origin: url }, true],
    [{ origin: 'http://deploy.example.com' }, true],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'https://deploy.example.com:8443' }, false],
    [{ origin: 'https://deploy.example.com.evil.example' }, false],
    [{ origin: 'null' }, false],
    [{ origin: '' }, false],
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'none' }, true],
    [{ 'sec-fetch-site': 'same-site' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin: url }, false],
  ];
  for (const [headers, allowed] of rows) {
    const expected = allowed ? null : 'origin_refused';
    assert.equal(refuse({ host, ...headers }), expected, JSON.stringify(headers));
    assert.equal(refuse({ host, ...headers }, 'DELETE'), expected, JSON.stringify(headers));
    assert.equal(refuse({ host, ...headers }, 'GET'), null, JSON.stringify(headers));
  }
  // What it is reached by inside of a network is its own place as well.
  assert.equal(refuse({ host: '127.0.0.1:7070', origin: 'http://127.0.0.1:7070' }), null);
  assert.equal(refuse({ host: '127.0.0.1:7070', origin: 'http://127.0.0.1:7071' }), 'origin_refused');
});

test('headers without end are refused, and TLS is only promised where it is', () => {
  const head = { method: 'GET', path: '/', headers: { host: 'localhost' } };
  assert.equal(refuseHead({ ...head, headerCount: 100 }, url), null);
  assert.equal(refuseHead({ ...head, headerCount: 101 }, url)?.code, 'headers_too_many');
  assert.match(securityHeaders(url)['strict-transport-security'] ?? '', /^max-age=\d+$/);
  assert.equal(securityHeaders('http://127.0.0.1:7070')['strict-transport-security'], undefined);
});
