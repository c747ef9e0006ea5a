import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openLedgerFile } from '../support/checker.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { eventually } from '../support/eventually.ts';
import { makeRepository, type Repository } from '../support/repository.ts';

const app = `set${process.pid}`;
const domain = `${app}.localhost`;
const mine = `${app}-shop.test`;
const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '1s', stopTimeout: '1s' };
const wait = { timeoutMs: 60_000 };

const files = {
  Procfile: 'web: sh serve.sh\nworker: sh work.sh\n',
  'app.json': JSON.stringify({
    env: { TONE: 'plain', NEEDED: { required: true }, KEY: { generator: 'secret' } },
  }),
  // What it is told is what it answers; TONE=dead never lives, TONE=mute never listens.
  'serve.sh': `[ "$TONE" = dead ] && exit 1
[ "$TONE" = mute ] && exec sleep 600
printf '%s|%s' "$TONE" "$OTHER" > index.html
trap 'kill $server; exit 0' TERM INT
httpd -f -p "$PORT" -h /app &
server=$!
wait $server
`,
  'work.sh': "trap 'exit 0' TERM INT\nwhile true; do sleep 0.2; done\n",
  Dockerfile: 'FROM hawser-base/busybox\nWORKDIR /app\nCOPY . .\nEXPOSE 8080\n',
};

let world: DeployWorld;
let repository: Repository;
/** Where it answers. */
let served = domain;

before(async () => {
  world = await openDeployWorld(2, {
    environments: { production: { branches: ['main'], rollout } },
    secrets: { outside: { folders: ['./values'] } },
  });
  repository = await makeRepository('hello', { files });
});
after(async () => {
  await repository?.[Symbol.asyncDispose]();
  await world?.close();
});

function push() {
  return repository.push(world.hawser.remote(app));
}

/** Runs a command on the app; with the exit code that it must end with. */
async function run(exit: number, verb: string, ...words: string[]) {
  const ended = await world.hawser.cli(verb, '-a', app, ...words);
  assert.equal(ended.code, exit, `${verb} ${words.join(' ')}:\n${ended.stdout}\n${ended.stderr}`);
  return { stdout: ended.stdout, all: ended.stdout + ended.stderr };
}

async function runUnderLoad(exit: number, verb: string, ...words: string[]) {
  const { value, report } = await world.loadWhile(served, () => run(exit, verb, ...words));
  assert.deepEqual(report.failed, [], verb);
  return { ...value, bodies: [...report.byBody.keys()].sort() };
}

/** `v3 web 2`: what runs on the servers, counted. */
async function countRunning(): Promise<string[]> {
  const containers = await world.containersOf(app);
  const kinds = containers.map(({ labels }) => `v${labels['hawser.release']} ${labels['hawser.process']}`);
  return [...new Set(kinds)].sort().map((kind) => `${kind} ${kinds.filter((each) => each === kind).length}`);
}

/** What was replaced is stopped behind the switch, when the command has ended already. */
async function waitForRunning(kinds: readonly string[]): Promise<void> {
  await eventually(async () => assert.deepEqual(await countRunning(), kinds) === undefined, wait);
}

test('a variable that app.json requires stops the first push before its build, and is mended by the command named', async () => {
  const { code, stderr } = await push();
  assert.notEqual(code, 0);
  assert.match(stderr, /NEEDED is required by app.json and not set/);
  assert.match(stderr, new RegExp(`hawser config:set -a ${app} -e production NEEDED=`));
  assert.doesNotMatch(stderr, /Step 1\//);
  const { all } = await run(0, 'config:set', 'NEEDED=1');
  assert.match(all, /takes effect with the first push/);
  const again = await push();
  assert.equal(again.code, 0, again.stderr);
  assert.match((await run(0, 'config:get', 'KEY')).stdout, /^[0-9a-f]{64}\n$/);
  assert.deepEqual(await world.listAnswers(domain), ['200 plain|']);
});

const secret = 'line one\n"two" $HOME sesame=\'open\'';

test('variables are set by a release without a build, and no value is in any log', async () => {
  const { all, bodies } = await runUnderLoad(0, 'config:set', 'TONE=loud', `OTHER=${secret}`);
  assert.match(all, /config: \+OTHER \+TONE/);
  assert.match(all, /Released v2/);
  assert.doesNotMatch(all, /Building|sesame/);
  const page = `loud|${secret}`;
  assert.deepEqual(bodies, [page, 'plain|'].sort());
  assert.deepEqual(await world.listAnswers(domain), [`200 ${page}`]);
  await waitForRunning(['v2 web 2', 'v2 worker 1']);
  assert.equal((await run(0, 'config:get', 'OTHER')).stdout, `${secret}\n`);
  assert.doesNotMatch(await world.hawser.readLogs(), /sesame/);
  assert.doesNotMatch((await run(0, 'releases:output', 'v2')).all, /sesame/);
  assert.match((await run(0, 'config:set', 'TONE=loud')).all, /Nothing changed/);
});

test('who may only read sees names, and no value', async () => {
  const made = await world.hawser.cli('tokens:create', '--app', app, '--right', 'read');
  const headers = { authorization: `Bearer ${made.stdout.trim()}` };
  const address = `${world.hawser.url}/api/v1/apps/${app}/config`;
  const text = await (await fetch(address, { headers })).text();
  const { hidden, items } = JSON.parse(text);
  assert.equal(hidden, true);
  assert.deepEqual(
    items.map((item: { name: string }) => item.name),
    ['KEY', 'NEEDED', 'OTHER', 'TONE'],
  );
  assert.doesNotMatch(text, /sesame|loud/);
  const exported = (await run(0, 'config:export')).stdout;
  assert.match(exported, /^OTHER="line one\\n\\"two\\" \\\$HOME sesame='open'"$/m);
});

test('a change that does not go live is taken back, and the one that waits behind it goes on without it', async () => {
  const { all } = await runUnderLoad(1, 'config:set', 'TONE=dead');
  assert.match(all, /Taken back: config: ~TONE/);
  assert.equal((await run(0, 'config:get', 'TONE')).stdout, 'loud\n');
  const { stdout } = await run(0, 'config:set', 'TONE=mute', '--no-wait');
  const mute = stdout.trim();
  const behind = (await run(0, 'config:set', 'OTHER=calm', '--no-wait')).stdout.trim();
  await eventually(async () => (await countRunning()).some((line) => line.startsWith('v4 web')), wait);
  const cancelled = await world.hawser.cli('deploys:cancel', mute);
  assert.equal(cancelled.code, 0, cancelled.stderr);
  const attached = await world.hawser.cli('deploys:attach', behind);
  assert.equal(attached.code, 0, attached.stdout);
  assert.deepEqual(await world.listAnswers(domain), ['200 loud|calm']);
  assert.equal((await run(0, 'config:get', 'TONE')).stdout, 'loud\n');
});

test('processes are scaled, stopped and started with the numbers that they had, and unknown ones are refused', async () => {
  await runUnderLoad(0, 'ps:scale', 'web=3', 'worker=2');
  await waitForRunning(['v6 web 3', 'v6 worker 2']);
  assert.match((await run(4, 'ps:scale', 'clock=1')).all, /no process "clock".*web, worker/);
  assert.match((await run(4, 'ps:stop', 'clock')).all, /no process "clock"/);
  await run(0, 'ps:stop');
  await waitForRunning([]);
  const page = await world.hawser.fetch(domain);
  assert.equal(page.status, 503);
  assert.match(page.body, /It is stopped \(hawser ps:start or ps:scale starts it\)/);
  assert.match((await run(0, 'ps')).all, /^web: stopped;/m);
  assert.match((await run(0, 'ps:stop', 'web')).all, /Nothing changed/);
  await run(0, 'ps:start', 'web');
  assert.deepEqual(await world.listAnswers(domain), ['200 loud|calm']);
  await waitForRunning(['v8 web 3']);
});

test('a restart replaces every container without a failed request, and leaves a one-off command alone', async () => {
  await run(0, 'run', '--detach', '--', 'sleep', '600');
  await runUnderLoad(0, 'ps:restart');
  await waitForRunning(['v8 run 1', 'v9 web 3']);
  const input = Buffer.from('read over the connection to a server\n').toString('base64');
  const made = await world.hawser.cli('tokens:create', '--app', app, '--right', 'run');
  const started = await fetch(`${world.hawser.url}/api/v1/apps/${app}/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.stdout.trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ command: ['cat'], input }),
  });
  assert.equal(started.status, 201);
  assert.equal((await run(0, 'runs:output', '2')).stdout, 'read over the connection to a server\n');
  await run(0, 'runs:cancel', '1');
  await waitForRunning(['v9 web 3']);
  assert.match((await run(130, 'runs:output', '1')).all, /was stopped/);
});

test('domains are added and removed, and belong to one environment', async () => {
  await run(0, 'domains:add', mine);
  await run(0, 'domains:remove', domain);
  assert.deepEqual(await world.listAnswers(mine), ['200 loud|calm']);
  assert.equal((await world.hawser.fetch(domain)).status, 404);
  const other = `other${process.pid}`;
  await world.hawser.cli('apps:create', other);
  const taken = await world.hawser.cli('domains:add', '-a', other, mine);
  assert.match(taken.stderr, new RegExp(`belongs to ${app}/production`));
  assert.match(taken.stderr, /domain_taken/);
  served = mine;
});

test('a rollback brings variables back, without the registry; scale stays', async (t) => {
  const registry = await world.hawser.pidOf('registry');
  process.kill(registry, 'SIGSTOP');
  t.after(() => process.kill(registry, 'SIGCONT'));
  const file = join(repository.dir, 'settings.env');
  await writeFile(file, '# of another app\nexport OTHER="wrong"\n');
  await run(0, 'config:import', file);
  const { bodies } = await runUnderLoad(0, 'rollback');
  assert.deepEqual(bodies, ['loud|calm', 'loud|wrong']);
  assert.equal((await run(0, 'config:get', 'OTHER')).stdout, 'calm\n');
  const first = JSON.parse((await run(0, 'releases:info', 'v1', '--json')).stdout);
  await run(0, 'rollback', 'v1');
  assert.deepEqual(await world.listAnswers(mine), ['200 plain|']);
  await waitForRunning(['v14 web 3']);
  await run(4, 'config:get', 'OTHER');
  const { all } = await run(0, 'rollback', first.image.digest.slice(0, 19));
  assert.match(all, /already_live/);
});

test('releases tell what made them, how they ended and what is other in them', async () => {
  const rows = (await run(0, 'releases')).stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  assert.deepEqual(
    rows.map(([version, outcome, what]) => `${version} ${outcome}: ${what}`),
    [
      'v14 live: rollback to v1',
      'v13 was live: rollback to v11',
      'v12 was live: config: ~OTHER',
      `v11 was live: domains: -${domain}`,
      `v10 was live: domains: +${mine}`,
      'v9 was live: restart',
      'v8 was live: start: web',
      'v7 was live: stop: web worker',
      'v6 was live: scale: web=3 worker=2',
      'v5 was live: config: ~OTHER',
      'v4 never live: config: ~TONE',
      'v3 failed: config: ~TONE',
      'v2 was live: config: +OTHER +TONE',
      'v1 was live: push',
    ],
  );
  const { stdout } = await run(0, 'releases:info', 'v2');
  assert.match(stdout, /since v1 +config: \+OTHER, ~TONE/);
  assert.match((await run(0, 'releases:info', 'v3')).stdout, /failed +.*Taken back/);
  assert.match((await run(0, 'releases:output', 'v1')).stdout, /Building/);
  using ledger = openLedgerFile(world.hawser.data);
  const built = ledger.all("select deploy_id from steps where name = 'build' and outcome = 'done'");
  assert.equal(built.length, 1);
});

test('a value is read from a file of the control machine for a release, only as its administrator says', async () => {
  const folder = join(world.hawser.folder, 'values');
  const file = join(folder, 'other');
  await mkdir(folder);
  const { all } = await run(1, 'config:set', 'OTHER', '--from-file', file);
  assert.match(all, /OTHER is read from the file .*there is no such file/);
  assert.match(all, /Taken back: config: \+OTHER/);
  await writeFile(file, 'kept-elsewhere\n', { mode: 0o600 });
  const made = await world.hawser.cli('tokens:create', '--app', app, '--right', 'admin');
  const asked = await fetch(`${world.hawser.url}/api/v1/apps/${app}/config`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.stdout.trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ vars: { OTHER: { file } } }),
  });
  assert.match(`${asked.status} ${await asked.text()}`, /^403 .*"not_allowed"/);
  assert.match(
    (await run(3, 'config:set', 'OTHER', '--from-file', '/etc/passwd')).all,
    /outside_not_allowed/,
  );
  const set = await run(0, 'config:set', 'OTHER', '--from-file', file);
  assert.deepEqual(await world.listAnswers(mine), ['200 plain|kept-elsewhere']);
  assert.match((await run(1, 'config:get', 'OTHER')).all, /value_outside/);
  assert.ok((await run(0, 'config')).stdout.includes(`file ${file}`));
  await rm(file);
  await repository.commit({ 'more.txt': 'x' });
  const { code, stderr } = await push();
  assert.notEqual(code, 0);
  assert.match(stderr, /OTHER is read from the file .*there is no such file/);
  assert.doesNotMatch(stderr, /Step 1\//);
  const told = set.all + (await world.hawser.readLogs()) + (await run(0, 'config:export')).all;
  assert.doesNotMatch(told, /kept-elsewhere/);
});

test('an app gets another name without a failed request, and the old one says so', async () => {
  const name = `${app}-new`;
  // Without it the release of the new name fails, and what runs goes on under the old one.
  await writeFile(join(world.hawser.folder, 'values', 'other'), 'kept-elsewhere', { mode: 0o600 });
  const { value, report } = await world.loadWhile(mine, () => world.hawser.cli('apps:rename', app, name));
  assert.equal(value.code, 0, value.stdout + value.stderr);
  assert.deepEqual(report.failed, []);
  await eventually(async () => assert.deepEqual(await world.containersOf(app), []) === undefined, wait);
  const containers = await world.containersOf(name);
  assert.ok(containers.length > 0);
  for (const each of containers) assert.match(each.name, new RegExp(`^${name}-production-v\\d+-web-\\d$`));
  assert.deepEqual(await world.listAnswers(mine), ['200 plain|kept-elsewhere']);
  assert.match((await run(4, 'config')).all, new RegExp(`is called ${name} now.*app_renamed`, 's'));
  const { code, stderr } = await push();
  assert.notEqual(code, 0, stderr);
  const taken = await world.hawser.cli('apps:create', app);
  assert.match(taken.stderr, /kept for an app that was called so/);
});
