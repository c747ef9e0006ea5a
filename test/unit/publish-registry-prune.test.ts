import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { describeImages } from '../../src/pipeline/prune/disk.ts';
import { planManifests } from '../../src/publish/manifests.ts';
import { planRegistry } from '../../src/publish/registry.ts';
import { openRegistryClient } from '../../src/publish/registry-client.ts';

const never = new AbortController().signal;
const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;

test('what only deleted manifests are made of is what a collection frees', () => {
  const manifest = (n: number, blobs: Record<string, number>) => ({
    digest: digest(n),
    blobs: new Map(Object.entries(blobs)),
  });
  const manifests = [
    manifest(1, { shared: 10, a: 5 }),
    manifest(2, { shared: 10, b: 7 }),
    manifest(3, { b: 7, c: 1 }),
  ];
  const { gone, bytes } = planManifests(manifests, (one) => one === digest(1));
  assert.deepEqual(
    gone.map((one) => one.digest),
    [digest(2), digest(3)],
  );
  assert.equal(bytes, 8);
});

test('an image on a server is told by its app, its releases and why it stays', () => {
  const repository = 'hawser/a1';
  const release = {
    id: 1,
    appId: 'a1',
    app: 'shop',
    environmentId: 'e',
    wentLiveAt: 'then',
    unfinished: false,
  };
  const now = {
    kept: new Map([[repository, new Map([[digest(1), 'current' as const]])]]),
    releases: [
      { ...release, env: 'production', version: 1, image: { repository, digest: digest(1) }, current: true },
      { ...release, env: 'staging', version: 4, image: { repository, digest: digest(1) }, current: false },
    ],
    repositories: new Set([repository]),
    apps: new Map([
      [repository, 'shop'],
      ['hawser/a2', 'blog'],
    ]),
  };
  const image = (name: string) => ({ id: name, names: [name], bytes: 10, uniqueBytes: 4 });
  const told = describeImages(
    [
      image(`${repository}:${digest(1).slice(7)}`),
      image(`${repository}:${digest(2).slice(7)}`),
      image(`hawser/a2:${digest(3).slice(7)}`),
      image('postgres:16'),
    ],
    now,
  );
  assert.deepEqual(
    told.map(({ app, releases, keep }) => [app, releases, keep]),
    [
      ['blog', [], 'building'],
      ['shop', ['production v1', 'staging v4'], 'current'],
      ['shop', [], 'prunable'],
    ],
  );
});

type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(t: TestContext, answer: Answerer): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

const login = { namespace: 'team', username: 'u', password: 'p' };

test('a registry that gives tokens is asked for one with the login, and only then', async (t) => {
  const seen: string[] = [];
  const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;
  const url: string = await serve(t, (request, response) => {
    const { authorization = '' } = request.headers;
    seen.push(`${request.method} ${request.url} ${authorization.split(' ')[0]}`);
    if (request.url?.startsWith('/token')) {
      assert.equal(authorization, basic);
      return void response.end(JSON.stringify({ token: 't0' }));
    }
    if (authorization === 'Bearer t0') return void response.end(JSON.stringify({ tags: ['one'] }));
    const challenge = `Bearer realm="${url}/token",service="reg",scope="repository:team/a1:pull"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  const client = openRegistryClient(planRegistry({ url, ...login }, 0));
  assert.deepEqual(await client.listTags('team/a1', never), ['one']);
  assert.deepEqual(seen, [
    'GET /v2/team/a1/tags/list?n=1000 Basic',
    'GET /token?service=reg&scope=repository%3Ateam%2Fa1%3Apull Basic',
    'GET /v2/team/a1/tags/list?n=1000 Bearer',
  ]);
});

test('a registry that deletes nothing is an answer; one that lets nobody in, or is away, is a failure', async (t) => {
  const url = await serve(t, (request, response) => {
    const isDelete = request.method === 'DELETE';
    response.writeHead(isDelete ? 405 : 401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  const client = openRegistryClient(planRegistry({ url, ...login }, 0));
  assert.equal(await client.deleteManifest('team/a1', digest(1), never), false);
  await assert.rejects(client.listTags('team/a1', never), { code: 'registry_denied' });
  const nobody = openRegistryClient(planRegistry({ url: 'http://127.0.0.1:1', ...login }, 0));
  await assert.rejects(nobody.listTags('team/a1', never), { code: 'registry_unreachable' });
});

test('a list in pages is read to its end, and never from another host', async (t) => {
  const url = await serve(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const last = searchParams.get('last');
    const next = last === null ? '/v2/_catalog?last=b&n=2' : 'http://elsewhere.invalid/v2/_catalog';
    response.setHeader('link', `<${next}>; rel="next"`);
    response.end(JSON.stringify({ repositories: last === null ? ['a', 'b'] : ['c'] }));
  });
  const client = openRegistryClient(planRegistry({ url, ...login }, 0));
  assert.deepEqual(await client.listRepositories(never), ['a', 'b', 'c']);
});
