import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { planManifest } from '../../src/build/manifest.ts';
import type { Settings } from '../../src/model/app.ts';
import { formatBytes } from '../../src/publish/bytes.ts';
import { planRelease, planSettings } from '../../src/publish/plan.ts';
import { localTag, planRegistry, repositoryIn } from '../../src/publish/registry.ts';
import { planCache } from '../../src/publish/retain.ts';
import { explainTransfer, readTransfer } from '../../src/publish/transfer.ts';

const mega = 1024 ** 2;
const limits = { container: { memory: 512 * mega, cpus: 2, pids: 256 } };

test('an app may ask for less than the limits, never for more', () => {
  const plan = (resources: object) =>
    planRelease({
      settings: { vars: {}, scale: {} },
      manifest: planManifest({
        procfile: 'web: x\nrelease: y',
        appJson: JSON.stringify({ hawser: { resources } }),
      }),
      exposedPorts: [3000],
      limits,
    });
  assert.deepEqual(plan({ memory: '128m', cpus: 0.5 }).resources, {
    memory: 128 * mega,
    cpus: 0.5,
    pids: 256,
  });
  assert.deepEqual(plan({ memory: '8g', cpus: 64 }).resources, limits.container);
  assert.equal(plan({}).port, 3000);
  assert.deepEqual(plan({}).releaseCommand, ['/bin/sh', '-c', 'y']);
});

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
test('a registry gives images their path, a server keeps them under ours', () => {
  const image = { repository: 'hawser/a1', digest: digest(7) };
  const embedded = planRegistry('embedded', 5000);
  assert.equal(embedded.address, '127.0.0.1:5000');
  assert.equal(repositoryIn(embedded, image.repository), 'hawser/a1');
  const written = {
    url: 'https://reg.example:8443',
    namespace: 'team/apps',
    username: 'u',
    password: 'p',
  };
  const outside = planRegistry(written, 0);
  assert.equal(repositoryIn(outside, image.repository), 'team/apps/a1');
  assert.deepEqual([outside.address, outside.tunnelled], ['reg.example:8443', false]);
  assert.deepEqual(outside.auth, { username: 'u', password: 'p', serveraddress: 'reg.example:8443' });
  assert.equal(localTag(image), `hawser/a1:${digest(7).slice(7)}`);
  assert.throws(() => localTag({ ...image, digest: 'latest' }), { code: 'registry_failed' });
});

test('a push is read to its digest and its new bytes, whatever pieces it comes in', async () => {
  const text = [
    '{"status":"Preparing","id":"a"}',
    '{"status":"Pushing","progressDetail":{"current":10,"total":300},"id":"a"}',
    '{"status":"Layer already exists","id":"b"}',
    '{"status":"Pushed","progressDetail":{},"id":"a"}',
    `{"progressDetail":{},"aux":{"Tag":"t","Digest":"${digest(1)}","Size":9}}`,
  ].join('\r\n');
  const pieces = text.match(/.{1,7}/gs)?.map((piece) => Buffer.from(piece)) ?? [];
  assert.deepEqual(await readTransfer(Readable.from(pieces), 'push'), { digest: digest(1), newBytes: 300 });
  const failing = Readable.from([Buffer.from('{"errorDetail":{},"error":"no space left on device"}\n')]);
  await assert.rejects(readTransfer(failing, 'push'), { code: 'registry_full' });
});

test('what an engine says of a registry has its code', () => {
  const codeOf = (said: string) => explainTransfer(said, 'push').code;
  assert.equal(codeOf('unauthorized: authentication required'), 'registry_denied');
  assert.equal(codeOf('denied: requested access to the resource is denied'), 'registry_denied');
  assert.equal(
    codeOf('Get "http://127.0.0.1:5/v2/": dial tcp: connect: connection refused'),
    'registry_unreachable',
  );
  assert.equal(codeOf('manifest for x@sha256:1 not found: manifest unknown'), 'image_not_in_registry');
  assert.equal(codeOf('received unexpected HTTP status: 507 Insufficient Storage'), 'registry_full');
  assert.equal(codeOf('something else'), 'registry_failed');
});

test('bytes are said as people say them', () => {
  assert.deepEqual([0, 999, 1500, 14_400_000, 212e6, 1.24e9].map(formatBytes), [
    '0 bytes',
    '999 bytes',
    '2 KB',
    '14 MB',
    '212 MB',
    '1.2 GB',
  ]);
});

test('the cache of a builder loses its oldest images first, and never the newest of an app', () => {
  const image = (repository: string, createdAt: number) => ({
    repository,
    tag: `${repository}:${createdAt}`,
    createdAt,
    size: 10,
  });
  const images = [image('a', 1), image('a', 3), image('a', 4), image('b', 2)];
  assert.deepEqual(planCache(images, 20), ['a:1']);
  assert.deepEqual(planCache(images, 0), ['a:1', 'a:3']);
  assert.deepEqual(planCache(images, 100), []);
});

test('a process that is stopped has the number 0, and its own number when it is started again', () => {
  const processes = [
    { type: 'web', command: null, quantity: null },
    { type: 'worker', command: null, quantity: 2 },
  ];
  const numbers = (settings: Settings, from: Parameters<typeof planSettings>[0]['processes'] = processes) =>
    planSettings({ defaults: {}, processes: from }, settings).processes;
  const scale = { worker: 5 };
  const stopped = numbers({ vars: {}, scale, stopped: ['web', 'worker'] });
  assert.deepEqual(
    stopped.map(({ quantity }) => quantity),
    [0, 0],
  );
  assert.deepEqual(
    numbers({ vars: {}, scale }, stopped).map(({ quantity }) => quantity),
    [null, 5],
  );
  assert.deepEqual(
    numbers({ vars: {}, scale: {} }, stopped).map(({ quantity }) => quantity),
    [null, 2],
  );
});
