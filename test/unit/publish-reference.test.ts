import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/config.ts';
import { allowImage, refuseUnproven } from '../../src/pipeline/accept/image-policy.ts';
import { parseReference } from '../../src/publish/reference.ts';
import { planRegistry } from '../../src/publish/registry.ts';
import { hostileWords } from '../bad-inputs/hostile-words.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('the name of an image is read as the engine reads it, with its tag or digest', () => {
  const read = (text: string) => Object.values(parseReference(text)).join(' ');
  assert.equal(read('nginx'), ' nginx nginx:latest');
  assert.equal(read('team/app:1.2'), ' team/app team/app:1.2');
  assert.equal(read(`r.example:5000/a/b_c@${digest}`), `r.example:5000 a/b_c r.example:5000/a/b_c@${digest}`);
  assert.equal(read(`localhost/a:1@${digest}`), `localhost a localhost/a@${digest}`);
  assert.equal(read('[::1]:5000/a'), '[::1]:5000 a [::1]:5000/a:latest');
  const wrong = [
    '',
    ':1',
    'a:',
    'A',
    'a//b',
    '/a',
    'a/',
    'a@sha256:12',
    'a b',
    '--help',
    '-x',
    'a/../b',
    'http://x/y',
    'u@r.example/a',
    'r.example:x/a',
    'a:-b',
    'a\n',
    `a@${digest}x`,
    'a'.repeat(100_000),
  ];
  for (const text of [...wrong, ...hostileWords])
    assert.throws(() => parseReference(text), { code: 'image_name_invalid' }, text.slice(0, 80));
});

test("images come from the installation's registry, but not another app's, or from public ones", async () => {
  const url = 'https://deploy.example.com';
  const config = { url, webhooks: { allow: ['10.1.0.0/16'] } } as unknown as Config;
  const external = { url: 'https://r.example', namespace: 'team/apps', username: 'u', password: 'p' };
  const registry = planRegistry(external, 0);
  const addresses: Readonly<Record<string, string>> = {
    'public.example': '93.184.216.34',
    'inside.example': '192.168.0.1',
    'allowed.example': '10.1.2.3',
    'deploy.example.com': '93.184.216.34',
  };
  const look = async (host: string) => [{ address: addresses[host] ?? '127.0.0.1', family: 4 }];
  const ask = async (image: string) => {
    try {
      return (await allowImage(image, { id: 'a1' }, { config, registry }, look)).name;
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  for (const image of [
    'nginx:1',
    'r.example/other:1',
    'r.example/team/apps/a1:1',
    'public.example/x:1',
    'allowed.example/x:1',
  ])
    assert.equal(await ask(image), image);
  assert.equal(await ask('r.example/team/apps/a2:1'), 'image_not_yours');
  assert.equal(await ask('R.Example/team/apps/a1/x:1'), 'image_not_yours');
  for (const host of [
    '127.0.0.1:6379',
    'localhost',
    'localhost:5000',
    '[::1]:80',
    '169.254.169.254',
    'inside.example',
    'deploy.example.com',
    '10.2.0.1',
  ])
    assert.equal(await ask(`${host}/x:1`), 'url_not_allowed', host);
});

test('what takes only what another environment proved takes no image', () => {
  const environment = { name: 'production', branches: [], tags: [], promoteFrom: ['staging'] };
  const refuse = (more: object) => () => refuseUnproven({ ...environment, ...more } as never);
  assert.throws(refuse({}), { code: 'promotion_only' });
  refuse({ branches: ['main'] })();
  refuse({ promoteFrom: [] })();
});
