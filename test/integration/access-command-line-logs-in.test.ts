import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createClaim } from '../../src/store/access/claims.ts';
import { openApiWorld } from '../support/api-world.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const password = 'correct horse battery';

/** Runs a program with something on stdin, and a home of its own for each person. */
async function run(home: string, [file = '', ...argv]: readonly string[], input = '') {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
  };
  const child = spawn(file, argv, { cwd: '/', env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

test('from the first owner to a developer who may push to staging and no further', async (t) => {
  const world = await openApiWorld(t);
  const { url } = world;
  const homes = { olga: join(world.config.data, 'olga'), ada: join(world.config.data, 'ada') };
  const hawser = (who: keyof typeof homes, argv: readonly string[], input = '') =>
    run(homes[who], [process.execPath, main, ...argv], input);
  const { token } = await createClaim(world.db, { purpose: 'setup', userId: null, actor: 'test' });
  const made = await hawser('olga', ['setup', url, '--name', 'olga'], `${token}\n${password}\n`);
  assert.equal(made.code, 0, made.stderr);
  const invited = await hawser('olga', ['users:invite', 'ada']);
  assert.equal(invited.code, 0, invited.stderr);
  const accepted = await hawser('ada', ['users:accept', url], `${invited.stdout.trim()}\n${password}\n`);
  assert.equal(accepted.code, 0, accepted.stderr);
  const granted = await hawser('olga', ['access:grant', 'ada', 'developer', '-a', 'shop', '-e', 'staging']);
  assert.match(granted.stderr, /ada is developer of shop in staging/);
  const me = JSON.parse((await hawser('ada', ['whoami', '--json'])).stdout);
  assert.deepEqual([me.name, me.kind, me.grants[0].env], ['ada', 'user', 'staging']);
  assert.match((await hawser('olga', ['access'])).stdout, /ada\tshop\tstaging\tdeveloper/);
  const refused = await hawser('ada', ['ps:restart', '-a', 'shop', '-e', 'production']);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /"deploy" in production of the app shop/);
  const ci = await hawser('ada', [
    'tokens:create',
    '-a',
    'shop',
    '-e',
    'staging',
    '--right',
    'push',
    '--expires',
    '7d',
  ]);
  assert.equal(ci.code, 0, ci.stderr);
  assert.match((await hawser('ada', ['tokens'])).stdout, /\tada\tshop\tstaging\tpush\tvalid\t/);
  const file = join(homes.ada, '.config', 'hawser', 'login.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const kept = JSON.parse(readFileSync(file, 'utf8')).servers[url];

  const { host } = new URL(url);
  const helper = `credential.helper=!'${process.execPath}' '${main}' credential`;
  const fill = (asked: string) => run(homes.ada, ['git', '-c', helper, 'credential', 'fill'], asked);
  const filled = await fill(`protocol=http\nhost=${host}\n\n`);
  assert.match(filled.stdout, new RegExp(`username=ada\npassword=${kept.token}\n`));
  assert.doesNotMatch((await fill('protocol=https\nhost=evil.example\n\n')).stdout, /password/);
  assert.doesNotMatch((await fill(`protocol=https\nhost=${host}\n\n`)).stdout, /password/);

  const wrong = await hawser('ada', ['login', url, '--name', 'ada'], 'not the password\n');
  assert.deepEqual([wrong.code, /login_failed/.test(wrong.stderr)], [3, true]);
  chmodSync(file, 0o644);
  assert.match((await hawser('ada', ['whoami'])).stderr, /code: login_file_open/);
  chmodSync(file, 0o600);
  assert.equal((await hawser('ada', ['logout'])).code, 0);
  const gone = await world.ask('GET', '/api/v1/me', { token: kept.token });
  assert.equal(gone.status, 401);
  const byToken = await hawser('ada', ['login', url, '--token'], ci.stdout);
  assert.equal(byToken.code, 0, byToken.stderr);
  assert.match((await hawser('ada', ['whoami'])).stdout, /shop\tstaging\tread,logs,push|shop\tstaging\tread/);
  for (const [name, said] of Object.entries({ made, invited, accepted, wrong })) {
    for (const secret of [password, kept.token])
      assert.ok(!`${said.stdout}${said.stderr}`.includes(secret), name);
  }
});
