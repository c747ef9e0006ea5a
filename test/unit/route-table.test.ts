import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDomain, parseDomain } from '../../src/route/domain.ts';
import {
  parseConfig,
  pathsIn,
  renderConfig,
  renderHosts,
  renderNotices,
} from '../../src/route/load-balancers/config-file.ts';
import { findSessions, parseCsv, parseWorkers } from '../../src/route/load-balancers/runtime.ts';
import { defaultDomain, type Table } from '../../src/route/table.ts';

const paths = pathsIn('/var/lib/hawser/lb');
const listen = { host: '127.0.0.1', port: 80 };
const cookieKey = '0123456789abcdef';
const unset = { sticky: false, maintenance: null, holding: false };

test('domains are stored in one shape', () => {
  assert.equal(parseDomain('Shop.Example.COM.'), 'shop.example.com');
  assert.equal(parseDomain('münchen.de'), 'xn--mnchen-3ya.de');
  assert.equal(parseDomain('*.example.com'), '*.example.com');
  assert.equal(parseDomain('xn--mnchen-3ya.de'), 'xn--mnchen-3ya.de');
});

test('what is no domain is refused with its rule', () => {
  const long = `${'a'.repeat(63)}.`.repeat(4);
  const bad = [
    '',
    '*',
    '*.*.com',
    '*.com.*',
    'exa mple.com',
    '-a.com',
    'a..b',
    `${'a'.repeat(64)}.com`,
    `${long}com`,
  ];
  const more = [
    'http://a.com',
    'a.com/path',
    'a.com:80',
    '10.0.0.1',
    '[::1]',
    'localhost',
    'a_b.com',
    'xn--\u0000.de',
  ];
  for (const text of [...bad, ...more, 'xn--99999.de', 'a.com\nbackend x', 'a.com}', 'a.com acl x path /']) {
    assert.throws(() => parseDomain(text), { code: 'domain_invalid' }, JSON.stringify(text));
  }
});

test('the default domain follows the pattern', () => {
  assert.equal(defaultDomain(null, 'shop', 'production'), 'shop.localhost');
  assert.equal(defaultDomain(null, 'shop', 'staging'), 'shop-staging.localhost');
  assert.equal(defaultDomain('{app}.{env}.example.com', 'shop', 'staging'), 'shop.staging.example.com');
});

test('no text in a table can add a line, a word or a comment to the config', () => {
  const backend = { name: 'web', server: 's', address: '10.0.0.1:80', weight: 1 };
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'a.com\nbackend x',
      'a.com }',
      '# x',
      '"',
      "a'",
      'a b',
      '/up\\',
      '/up %[src]',
      '10.0.0.1:80 ssl',
    ),
  );
  fc.assert(
    fc.property(text, text, text, text, (domain, page, name, address) => {
      const services = [
        { slot: 0, app: 'a', env: 'e', domains: [domain], backends: [backend], ...unset },
        { slot: 0, app: 'a', env: 'e', domains: [], backends: [backend], ...unset, maintenance: page },
        { slot: 0, app: 'a', env: 'e', domains: [], backends: [{ ...backend, name }], ...unset },
        { slot: 0, app: 'a', env: 'e', domains: [], backends: [{ ...backend, address }], ...unset },
      ];
      const usual = linesOf({
        services: [{ slot: 0, app: 'a', env: 'e', domains: [], backends: [backend], ...unset }],
      }).length;
      for (const service of services) {
        try {
          const lines = linesOf({ services: [service] });
          assert.equal(lines.length, usual);
          assert.equal(lines.filter((line) => line.startsWith('  server ')).length, 1);
          assert.ok(renderHosts({ services: [service] }).split('\n').length <= 2);
          assert.match(
            renderNotices({ services: [service] }),
            /^(?:slot-0(?:-sticky)? [A-Za-z0-9+/]+=*\n)*$/,
          );
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'table_invalid');
        }
      }
    }),
  );
});

test('names of the table that are only kept as its record cannot leave their line', () => {
  const table = {
    services: [{ slot: 0, app: 'a\n  lua-load /x', env: '\r\nb', domains: [], backends: [], ...unset }],
  };
  assert.equal(linesOf(table).length, linesOf({ services: [] }).length);
  const text = renderConfig({ table, paths, listen, slots: 64, cookieKey });
  assert.deepEqual(parseConfig(text), { slots: 64, table });
  assert.equal(parseConfig(text.slice(0, -200)), undefined);
  const older = '# table {"slots":64,"table":{"services":[{"slot":0,"domains":[],"backends":[]}]}}\n';
  assert.deepEqual(parseConfig(older)?.table.services, [{ slot: 0, domains: [], backends: [], ...unset }]);
});

test('a folder that HAProxy cannot take is refused', () => {
  for (const folder of ['relative', '/a b', "/a'", `/${'a'.repeat(90)}`, '/a\nb']) {
    assert.throws(() => pathsIn(folder), { code: 'load_balancer_folder' });
  }
});

test('answers of the runtime API are read by their names', () => {
  const workers = parseWorkers(
    '#<PID> <type> <reloads> <uptime> <version>\n1 master 1 [failed: 0] 0d00h01m17s 2.6\n# workers\n30 worker 0 0d00h01m02s 2.6\n# old workers\n20 worker 1 1d00h00m17s 2.6\n# programs\n\n',
  );
  assert.deepEqual(workers, [
    { pid: 30, isOld: false, upSeconds: 62 },
    { pid: 20, isOld: true, upSeconds: 86_417 },
  ]);
  assert.deepEqual(parseCsv('# pxname,svname\nslot-0,web\n\n'), [{ pxname: 'slot-0', svname: 'web' }]);
  assert.throws(() => parseCsv('Permission denied'), { code: 'load_balancer_lost' });
  const sessions =
    '0x1a: proto=tcpv4 be=slot-0 srv=web:10.0.0.1:80 ts=00\n0x2b: proto=unix be=<NONE> srv=<none>\n';
  assert.deepEqual(findSessions(sessions, { section: 'slot-0', id: 'web:10.0.0.1:80' }), ['0x1a']);
});

test('every domain that is accepted is made of safe characters', () => {
  fc.assert(fc.property(fc.string(), (text) => !isDomain(text) || /^[a-z0-9.*-]+$/.test(text)));
});

function linesOf(table: Table): string[] {
  return renderConfig({ table, paths, listen, slots: 64, cookieKey }).split('\n');
}
