import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generate } from 'openapi-typescript-codegen';
import { answerSchemas } from '../../src/api/answers.ts';
import { createApp } from '../../src/store/apps.ts';
import { openApiWorld } from '../support/api-world.ts';
import { runProgram } from '../support/program.ts';

const root = join(import.meta.dirname, '..', '..');
const fixture = join(root, 'test', 'fixtures', 'client');
const compiler = [
  '--strict',
  '--module',
  'node16',
  '--target',
  'es2022',
  '--types',
  'node',
  '--skipLibCheck',
];

test('a program compiles against the client that is generated from the document, and runs on the API', async (t) => {
  const world = await openApiWorld(t);
  for (const name of ['blog', 'docs', 'wiki', 'chat']) await createApp(world.db, name, 'test');
  await world.finish(await world.queue());
  const folder = mkdtempSync(join(tmpdir(), 'hawser-client-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { json: input } = await world.ask('GET', '/api/v1/openapi.json');
  const output = join(folder, 'client');
  await generate({ input, output, httpClient: 'fetch', useUnionTypes: true, clientName: 'Hawser' });
  for (const name of ['package.json', 'program.ts']) copyFileSync(join(fixture, name), join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  await runProgram(tsc, [...compiler, '--outDir', 'made', 'program.ts'], { cwd: folder });
  const token = await world.makeToken(null, 'admin');
  const shown = await runProgram(process.execPath, [join(folder, 'made', 'program.js'), world.url, token]);
  assert.deepEqual(JSON.parse(shown), {
    apps: ['blog', 'chat', 'docs', 'shop', 'wiki'],
    deploy: { app: 'shop', env: 'production', state: 'live' },
    sameAnswer: true,
    config: ['GREETING=hello'],
    problem: { code: 'app_not_found', status: 404, sent: 404, hasFix: true },
    refused: 'invalid_app_name',
  });
});

test('what is answered looks as the document says', async (t) => {
  const world = await openApiWorld(t);
  await world.finish(await world.queue());
  await world.finish(await world.queue(), 'failed');
  const token = await world.makeToken(null, 'admin');
  const get = async (path: string) => (await world.ask('GET', `/api/v1${path}`, { token })).json;
  await world.ask('POST', '/api/v1/apps/shop/config', { token, body: { vars: { GREETING: 'hello' } } });
  answerSchemas.Apps.parse(await get('/apps'));
  answerSchemas.App.parse(await get('/apps/shop'));
  answerSchemas.Config.parse(await get('/apps/shop/config'));
  assert.equal(answerSchemas.Deploys.parse(await get('/deploys')).items.length, 3);
  for (const id of [1, 2, 3]) answerSchemas.DeployWithSteps.parse(await get(`/deploys/${id}`));
});
