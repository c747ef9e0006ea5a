import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Failure } from '../../src/failure.ts';
import { judgeAddress, parseOutboundUrl } from '../../src/outbound/addresses.ts';
import { postOutbound } from '../../src/outbound/post.ts';
import { pinAddress } from '../../src/outbound/resolve.ts';

const rules = { allow: [], ownNames: ['deploy.example.com', 'localhost'] };
const local = { ...rules, allow: ['127.0.0.0/8'] };
const isRefused = (error: Failure) => error.code === 'url_not_allowed';

test('only public addresses are reached, in whatever form the others come', () => {
  for (const address of ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8'])
    assert.equal(judgeAddress(address, rules), 'public', address);
  const refused = [
    ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254'],
    ...['100.64.0.1', '224.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1', '240.0.0.1'],
    ...['::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', 'fe80::1', 'fd00::1', 'ff02::1', '2001:db8::1'],
    ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:7f00:1::', 'no address', ''],
  ];
  for (const address of refused) assert.equal(judgeAddress(address, rules), 'refused', address);
  assert.equal(judgeAddress('10.1.2.3', { allow: ['10.0.0.0/8'] }), 'allowed');
  assert.equal(judgeAddress('::ffff:10.1.2.3', { allow: ['10.0.0.0/8'] }), 'allowed');
  assert.equal(judgeAddress('11.1.2.3', { allow: ['10.0.0.0/8'] }), 'public');
});

test('a URL that leads inside is refused when it is written, however it is written', () => {
  const refused = [
    ...[
      'http://127.0.0.1:6379/',
      'http://[::1]/',
      'http://[::ffff:127.0.0.1]/',
      'http://0/',
      'http://0x7f.1/',
    ],
    ...['http://2130706433/', 'http://017700000001/', 'http://169.254.169.254/', 'http://localhost./'],
    ...['https://deploy.example.com/x', 'https://DEPLOY.example.com./', 'file:///etc/passwd', 'gopher://x/'],
    ...[
      'https://user:word@example.org/',
      'https://name@example.org/',
      'https://example.org/\r\nX: y',
      'https://',
    ],
    ...['https://exa\tmple.org/', 'https://example.org\\@127.0.0.1/', '--upload-pack=x', 'ext::sh -c x', ''],
  ];
  for (const url of refused)
    assert.throws(() => parseOutboundUrl(url, ['https', 'http'], rules), isRefused, url);
  assert.equal(parseOutboundUrl('https://example.org/a', ['https'], rules).href, 'https://example.org/a');
});

test('a name is looked up once, and every address of it must be public', async () => {
  const url = new URL('https://hook.example.org/');
  const pin = (...addresses: string[]) =>
    pinAddress(url, rules, async () => addresses.map((address) => ({ address, family: 4 })));
  assert.equal((await pin('8.8.8.8')).address, '8.8.8.8');
  await assert.rejects(pin('8.8.8.8', '127.0.0.1'), isRefused);
  await assert.rejects(pin('169.254.169.254'), isRefused);
  await assert.rejects(pin(), { code: 'host_not_found' });
  await assert.rejects(pinAddress(new URL('http://8.8.8.8/'), rules), isRefused);
});

async function serve(t: TestContext, answer: Parameters<typeof createServer>[1]) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const message = { headers: {}, body: '{}' };

test('a name that changed its mind since it was written is refused when it is used', async (t) => {
  let asked = 0;
  const port = await serve(t, (_request, response) => {
    asked += 1;
    response.end();
  });
  const look = async () => [{ address: '127.0.0.1', family: 4 }];
  const url = `https://rebound.example.org:${port}/`;
  await assert.rejects(postOutbound({ ...message, url }, { rules, look }), isRefused);
  assert.equal(asked, 0);
});

test('redirects are not followed, large answers are cut and slow ones are not waited for', async (t) => {
  const seen: string[] = [];
  const port = await serve(t, (request, response) => {
    seen.push(`${request.headers.host} ${request.url}`);
    if (request.url === '/redirect') return void response.writeHead(302, { location: '/secret' }).end();
    if (request.url === '/hang') return;
    const block = Buffer.alloc(64 * 1024, 'x');
    const more = () => {
      while (response.write(block));
    };
    response.on('drain', more);
    more();
  });
  const look = async () => [{ address: '127.0.0.1', family: 4 }];
  const post = (path: string, timeoutMs = 30_000) =>
    postOutbound(
      { ...message, url: `http://hook.example.org:${port}${path}` },
      { rules: local, look, timeoutMs },
    );
  assert.equal((await post('/redirect')).status, 302);
  assert.deepEqual(seen, [`hook.example.org:${port} /redirect`]);
  assert.equal((await post('/endless')).text.length, 1024);
  await assert.rejects(post('/hang', 500), /no answer within 500 ms/);
});
