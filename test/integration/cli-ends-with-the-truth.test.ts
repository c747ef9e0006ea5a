import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setGrant } from '../../src/store/access/grants.ts';
import { addUser } from '../../src/store/access/users.ts';
import { getDeploy } from '../../src/store/deploys.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';
import { runCommand, startCommand, startOnTerminal } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';

const erase = '\r\x1b[K';

function config(world: ApiWorld): string[] {
  return ['--config', world.config.file];
}

test('exit codes say how it ended, and errors have a code and a next step', async (t) => {
  const world = await openApiWorld(t);
  const reader = { HAWSER_URL: world.url, HAWSER_TOKEN: await world.makeToken(world.shop.app.id, 'read') };
  await world.queue();
  const on = config(world);
  const rows: readonly [readonly string[], Record<string, string>, number, string][] = [
    [['apps', ...on], {}, 0, ''],
    [['apps'], reader, 0, ''],
    [['apps:create', 'shop', ...on], {}, 1, 'app_exists'],
    [['apps:create', 'Shop', ...on], {}, 2, 'invalid_app_name'],
    [['depoly', ...on], {}, 2, 'wrong_usage'],
    [['apps', '--bogus', ...on], {}, 2, 'wrong_usage'],
    [['deploys:info', ...on], {}, 2, 'wrong_usage'],
    [['deploys:info', 'one', ...on], {}, 2, 'wrong_usage'],
    [['rollback', 'two', '-a', 'shop', ...on], {}, 2, 'wrong_usage'],
    [['tokens:create', '--expires', '0', ...on], {}, 2, 'wrong_usage'],
    [['worker', '--role', 'cook', ...on], {}, 2, 'wrong_usage'],
    [['apps:destroy', 'shop', ...on], {}, 2, 'not_confirmed'],
    [['apps:destroy', 'shop', '--confirm', 'shopp', ...on], {}, 2, 'not_confirmed'],
    [['apps'], {}, 2, 'config_not_found'],
    [['ps', ...on], {}, 2, 'app_not_named'],
    [['users'], reader, 3, 'not_allowed'],
    [['deploys:cancel', '1'], reader, 3, 'not_allowed'],
    [['apps'], { ...reader, HAWSER_TOKEN: 'hw_x' }, 3, 'token_malformed'],
    [['apps'], { HAWSER_URL: world.url }, 3, 'token_missing'],
    [['apps:info', '-a', 'nope', ...on], {}, 4, 'app_not_found'],
    [['deploys:info', '99', ...on], {}, 4, 'deploy_not_found'],
    [['servers:doctor', 'nope', ...on], {}, 4, 'server_unknown'],
    [['apps'], { HAWSER_URL: 'http://127.0.0.1:1' }, 5, 'hawser_unreachable'],
    [['apps'], { HAWSER_URL: 'ftp://x' }, 2, 'wrong_usage'],
  ];
  for (const [argv, env, exit, code] of rows) {
    const what = argv.join(' ');
    const { code: seen, stdout, stderr } = await runCommand(argv, { env });
    assert.equal(seen, exit, `${what}: ${stderr}`);
    if (code === '') continue;
    assert.equal(stdout, '', what);
    assert.match(stderr, new RegExp(`^ !     \\S.*\\n(?: {7}.*\\n)*? {7}code: ${code}\\n {7}fix: \\S`), what);
  }
});

test('a mistyped command is answered with the one that was meant', async (t) => {
  const world = await openApiWorld(t);
  const { stderr } = await runCommand(['deploy:info', '1', ...config(world)]);
  assert.match(stderr, /fix: Did you mean deploys:info\?/);
});

test('data is all that stdout has, whole as JSON and with tabs in a pipe', async (t) => {
  const world = await openApiWorld(t);
  const created = await runCommand(['tokens:create', '--app', 'shop', ...config(world)]);
  assert.match(created.stdout, /^hw_\w+\n$/);
  assert.match(created.stderr, /git push hawser main/);
  const made = await runCommand(['apps:create', 'blog', ...config(world)]);
  assert.match(made.stdout, /^git remote add hawser http:\/\/deploy@127\.0\.0\.1:\d+\/blog\.git\n/);
  const apps = await runCommand(['apps', ...config(world)]);
  assert.deepEqual(
    apps.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t').slice(0, 2)),
    [
      ['blog', '-'],
      ['shop', 'production -'],
    ],
  );
  for (const verb of [
    ['apps'],
    ['apps:info', '-a', 'shop'],
    ['tokens'],
    ['deploys'],
    ['releases', '-a', 'shop'],
  ]) {
    const { stdout, code } = await runCommand([...verb, '--json', ...config(world)]);
    assert.equal(code, 0);
    assert.equal(typeof JSON.parse(stdout), 'object');
  }
});

test('what takes something away prints what it took', async (t) => {
  const world = await openApiWorld(t);
  const { json: token } = await world.ask('POST', '/api/v1/tokens', {
    token: await world.makeToken(null, 'admin'),
    body: { name: 'ci', app: 'shop' },
  });
  const user = await addUser(world.db, { name: 'ada', hash: null, isOwner: false, actor: 'test' });
  const given = { userId: user.id, appId: world.shop.app.id, env: null, role: 'viewer' } as const;
  await setGrant(world.db, given, 'test');
  const shown = [];
  // One after the other: with the app goes whatever is of it.
  for (const argv of [
    ['tokens:revoke', token.id],
    ['access:revoke', 'ada', '-a', 'shop'],
    ['users:disable', 'ada'],
    ['apps:destroy', 'shop', '--confirm', 'shop'],
  ]) {
    const { stdout } = await runCommand([...argv, '--json', ...config(world)]);
    shown.push(JSON.parse(stdout));
  }
  assert.deepEqual(
    [shown[0].name, shown[1].removed, shown[2].state, shown[3].destroyed],
    ['ci', true, 'disabled', true],
  );
});

test('attach ends with the truth of the deploy', async (t) => {
  const world = await openApiWorld(t);
  for (const [how, exit] of [
    ['live', 0],
    ['failed', 1],
  ] as const) {
    const deploy = await world.queue();
    const attached = startCommand(['deploys:attach', String(deploy.id), ...config(world)]);
    t.after(() => attached.stop());
    {
      await using journal = await world.journals.write(deploy.id);
      journal.step('Building');
    }
    await eventually(() => attached.stdout().includes('-----> Building'));
    await world.finish(deploy, how);
    const { code, stdout } = await attached.ended;
    assert.equal(code, exit, how);
    const last = stdout.trimEnd().split('\n').slice(1);
    assert.match(
      last[0] ?? '',
      how === 'live' ? /^=====> Released v1 / : /^ ! {5}Deploy 2 failed: step 3 failed/,
    );
  }
});

test('a wait moves on a terminal only; in a pipe there are the lines of the log alone', async (t) => {
  const world = await openApiWorld(t);
  await world.finish(await world.queue());
  await world.finish(await world.queue());
  const deploy = await world.queue();
  const argv = ['deploys:attach', String(deploy.id), ...config(world)];
  const shown = startOnTerminal(argv, { env: { TERM: 'xterm' } });
  const dumb = startOnTerminal(argv, { env: { TERM: 'dumb' } });
  const piped = startCommand(argv);
  for (const one of [shown, dumb, piped]) t.after(() => one.stop());
  await eventually(() => /⠙ (waiting|queued) \(\ds\)/.test(shown.stdout()));
  {
    await using journal = await world.journals.write(deploy.id);
    journal.step('Building');
  }
  await eventually(() => [shown, dumb, piped].every((one) => one.stdout().includes('-----> Building')));
  await world.finish(deploy, 'failed');
  const [seen, plain, lines] = await Promise.all([shown.ended, dumb.ended, piped.ended]);
  assert.deepEqual([seen.code, plain.code, lines.code], [1, 1, 1]);
  // The moving line is erased before each line of the log, and at the end.
  assert.ok(seen.stdout.includes(`${erase}-----> Building\r\n`), seen.stdout);
  assert.ok(seen.stdout.includes(`${erase} !     Deploy 3 failed`), seen.stdout);
  for (const { stdout } of [plain, lines]) assert.ok(!stdout.includes(erase) && !/⠙/.test(stdout), stdout);
  assert.deepEqual([lines.stdout.split('\n')[0], lines.stderr], ['-----> Building', '']);
  const back = startOnTerminal(['rollback', '-a', 'shop', ...config(world)], { env: { TERM: 'xterm' } });
  t.after(() => back.stop());
  await eventually(() => /⠙ (waiting|queued) \(\ds\)/.test(back.stdout()));
  await world.finish(await getDeploy(world.db, 4));
  assert.equal((await back.ended).code, 0);
});

test('Ctrl-C detaches: the deploy goes on, and the command to see it again is told', async (t) => {
  const world = await openApiWorld(t);
  const deploy = await world.queue();
  await using journal = await world.journals.write(deploy.id);
  journal.step('Building');
  const attached = startCommand(['deploys:attach', String(deploy.id), ...config(world)]);
  t.after(() => attached.stop());
  await eventually(() => attached.stdout().includes('Building'));
  process.kill(attached.pid, 'SIGINT');
  const { code, stderr } = await attached.ended;
  assert.equal(code, 130);
  assert.match(stderr, new RegExp(`hawser deploys:attach ${deploy.id}`));
  const { stdout } = await runCommand(['deploys:info', String(deploy.id), '--json', ...config(world)]);
  assert.equal(JSON.parse(stdout).stopRequest, null);
});

test('attach outlives a restart of the server without a line lost or twice', async (t) => {
  const world = await openApiWorld(t);
  const deploy = await world.queue();
  await using journal = await world.journals.write(deploy.id);
  journal.detail('one');
  const attached = startCommand(['deploys:attach', String(deploy.id), ...config(world)]);
  t.after(() => attached.stop());
  await eventually(() => attached.stdout().includes('one'));
  const restarted = world.restart();
  journal.detail('two');
  await restarted;
  await eventually(() => attached.stdout().includes('two'));
  await world.finish(deploy);
  const { code, stdout } = await attached.ended;
  assert.equal(code, 0);
  assert.deepEqual(stdout.trimEnd().split('\n').slice(0, 2), ['       one', '       two']);
  assert.equal(stdout.trimEnd().split('\n').length, 3);
});

test('a reader that closes the pipe ends it in peace', async (t) => {
  const world = await openApiWorld(t);
  const deploy = await world.queue();
  {
    await using journal = await world.journals.write(deploy.id);
    for (let line = 0; line < 20_000; line++) journal.detail(`line ${line} ${'x'.repeat(80)}`);
  }
  const { spawn } = await import('node:child_process');
  const main = new URL('../../src/main.ts', import.meta.url).pathname;
  const argv = [main, 'deploys:output', String(deploy.id), ...config(world)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(stderr, '');
  assert.equal(code, 0);
});
