import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Docker, openLocalDocker } from '../../src/fleet/docker.ts';
import { connectBuilder } from '../../src/fleet/engine.ts';
import { openFleet } from '../../src/fleet/fleet.ts';
import { createInside } from '../../src/fleet/inside.ts';
import { removeLabelled } from '../../src/fleet/labelled.ts';
import { observeFleet } from '../../src/fleet/observe.ts';
import { labelNames } from '../../src/model/container.ts';
import { readServers } from '../../src/pipeline/environment.ts';
import { markOf, type RunDrivers } from '../../src/pipeline/runs/run.ts';
import { removeStrayRuns, settleRuns } from '../../src/pipeline/runs/run-end.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { listAudit } from '../../src/store/audit/audit.ts';
import { recordRelease } from '../../src/store/releases.ts';
import { beginRunning, getRun, insertRun, readRunOutput } from '../../src/store/runs.ts';
import type { ApiWorld } from '../support/api-world.ts';
import { openBase } from '../support/build-source.ts';
import { runCommand, startCommand, startOnTerminal } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { makeRelease, web } from '../support/rollout-model.ts';
import { listCommands, runThroughSsh, serve } from '../support/serve.ts';
import { openTerminals } from '../support/ssh-terminal.ts';
import { openSshWorld, type SshWorld } from '../support/ssh-world.ts';

const app = `run${process.pid}`;
const secret = 'correct-horse-battery-staple';
const { signal } = new AbortController();

type Stage = {
  readonly ssh: SshWorld;
  readonly world: ApiWorld;
  readonly docker: Docker;
  readonly environmentId: string;
  readonly drivers: RunDrivers;
  readonly on: readonly string[];
  /** The image. */
  readonly base: string;
};

/** An app whose live release is a base image; its one server is this machine. */
async function openStage(t: TestContext): Promise<Stage> {
  t.after(() => removeLabelled(connectBuilder(openLocalDocker()), { [labelNames.app]: app }, signal));
  const { docker, base } = await openBase(t, 'run');
  const bringImage = async () => base;
  const ssh = await openSshWorld(t, { bringImage });
  const world = ssh.api;
  const { db, config } = world;
  const made = await createApp(db, app, 'test');
  const environment = await ensureEnvironment(db, made, { name: 'production', domain: `${app}.localhost` });
  const deploy = await world.queue();
  const release = await recordRelease(db, {
    ...makeRelease(1, [web]),
    environmentId: environment.id,
    config: { PASSWORD: secret },
    resources: { memory: 64 * 1024 ** 2, cpus: 1, pids: 64 },
    deployId: deploy.id,
  });
  await db
    .updateTable('environments')
    .set({ current_release_id: release.id })
    .where('id', '=', environment.id)
    .execute();
  const fleet = openFleet({
    readServers: () => readServers({ config, db }),
    findPin: () => null,
    readIdentity: async () => Buffer.alloc(0),
    log: () => undefined,
  });
  t.after(() => fleet[Symbol.asyncDispose]());
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const drivers = { config, db, log, rollout: { fleet, bringImage } };
  return {
    ssh,
    world,
    docker,
    base,
    environmentId: environment.id,
    drivers,
    on: ['-a', app, '--config', config.file],
  };
}

async function listOurs(docker: Docker): Promise<string[]> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${labelNames.app}=${app}`] } });
  return found.map(({ Names }) => Names[0] ?? '');
}

async function showItsOwn({ world, docker, on }: Stage): Promise<void> {
  const both = 'echo "out $PASSWORD $HAWSER_ENV"; echo err >&2; exit 7';
  const first = await runCommand(['run', ...on, '--', 'sh', '-c', both]);
  assert.deepEqual(first, { code: 7, stdout: `out ${secret} production\n`, stderr: 'err\n' });
  assert.deepEqual(await listOurs(docker), []);

  // Who may run, and not read the variables, sees none of their values.
  const env = { HAWSER_URL: world.url, HAWSER_TOKEN: await world.makeToken(null, 'run') };
  const shown = ['run', '-a', app, '--', 'sh', '-c', `echo "$PASSWORD"; echo ${secret}`];
  assert.equal((await runCommand(shown, { env })).stdout, '[redacted]\n[redacted]\n');
  const listed = await runCommand(['runs', ...on, '--json']);
  assert.equal(listed.stdout.includes(secret), false);
  const { runs } = JSON.parse(listed.stdout);
  assert.deepEqual(
    runs.map((run: Record<string, unknown>) => [run.id, run.outcome, run.exitCode]),
    [
      [2, 'exited', 0],
      [1, 'exited', 7],
    ],
  );
  assert.match(JSON.stringify(await readRunOutput(world.db, 1)), /out \[redacted\] production/);
  const entries = (await listAudit(world.db, { app, limit: 10 })).map(({ action, object }) => [
    action,
    object,
  ]);
  assert.deepEqual(entries[0], ['run', 'run 2 on local: sh']);

  const input = 'x'.repeat(300_000);
  const counted = await runCommand(['run', ...on, '--', 'wc', '-c'], { input });
  assert.deepEqual([counted.code, counted.stdout.trim()], [0, '300000']);
  const tooMuch = await runCommand(['run', ...on, '--', 'wc', '-c'], { input: 'x'.repeat(600_000) });
  assert.deepEqual([tooMuch.code, tooMuch.stdout], [2, '']);
  // Found by the init of the container.
  assert.equal((await runCommand(['run', ...on, '--', 'nothing-of-that-name'])).code, 127);
  const noRight = { HAWSER_URL: world.url, HAWSER_TOKEN: await world.makeToken(null, 'deploy') };
  assert.equal((await runCommand(['run', '-a', app, '--', 'true'], { env: noRight })).code, 3);
}

async function showOverSsh({ ssh, docker }: Stage): Promise<void> {
  await ssh.makeKey('laptop', ['run']);
  const both = `run -a ${app} -e production -- sh -c 'echo "out $0 $PASSWORD"; echo err >&2; exit 7' word`;
  const ended = await ssh.ssh('laptop', [both]);
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [7, 'out word [redacted]\n', 'err\n']);
  const counted = await ssh.ssh('laptop', [`run -a ${app} --stdin -- wc -c`], [], 'x'.repeat(100_000));
  assert.deepEqual([counted.code, counted.stdout.trim()], [0, '100000']);
  // The end of the client is the end of the command.
  const child = ssh.start('laptop', [`run -a ${app} -- sleep 600`]);
  await eventually(async () => (await listOurs(docker)).length === 1);
  child.kill('SIGKILL');
  await eventually(async () => (await listOurs(docker)).length === 0);
}

async function showEnds({ docker, on }: Stage, t: TestContext): Promise<void> {
  const attached = startCommand(['run', ...on, '--', 'sh', '-c', 'echo begun; sleep 600']);
  t.after(() => attached.stop());
  await eventually(() => attached.stdout().includes('begun'));
  const ps = await runCommand(['ps', ...on]);
  assert.match(ps.stdout, /\trun\.\d+\tv1\trunning\t/);
  process.kill(attached.pid, 'SIGINT');
  assert.equal((await attached.ended).code, 130);
  assert.deepEqual(await listOurs(docker), []);

  const detach = ['run', '--detach', ...on, '--'];
  const detached = await runCommand([...detach, 'sh', '-c', 'sleep 1; echo late; exit 3']);
  assert.match(detached.stdout, /^\d+\n$/);
  const id = detached.stdout.trim();
  const output = await runCommand(['runs:output', id, ...on]);
  assert.deepEqual([output.code, output.stdout], [3, 'late\n']);
  // It is kept when the container is gone.
  assert.deepEqual(await listOurs(docker), []);
  assert.deepEqual((await runCommand(['runs:output', id, ...on])).stdout, 'late\n');
  const other = (await runCommand([...detach, 'sleep', '600'])).stdout.trim();
  assert.equal((await runCommand(['runs:cancel', other, ...on])).code, 0);
  const cancelled = await runCommand(['runs:output', other, ...on]);
  assert.deepEqual([cancelled.code, /was stopped/.test(cancelled.stderr)], [130, true]);
  await eventually(async () => (await listOurs(docker)).length === 0);
}

const newestRun = async ({ db }: ApiWorld) =>
  (await db.selectFrom('runs').select('id').orderBy('id', 'desc').executeTakeFirstOrThrow()).id;

async function showInside(stage: Stage, t: TestContext): Promise<void> {
  const { world, docker, on, ssh, drivers, base } = stage;
  const missing = await runCommand(['ps:exec', ...on, '--', 'true']);
  assert.deepEqual([missing.code, /process_unknown/.test(missing.stderr)], [4, true]);
  const name = await serve(await drivers.rollout.fleet.connect('local', signal), {
    app,
    image: base,
    secret,
  });
  const both = 'echo "out $PASSWORD"; echo err >&2; exit 7';
  const ran = await runCommand(['ps:exec', ...on, 'web.1', '--', 'sh', '-c', both]);
  assert.deepEqual(ran, { code: 7, stdout: `out ${secret}\n`, stderr: 'err\n' });
  const counted = await runCommand(['ps:exec', ...on, '--', 'wc', '-c'], { input: 'x'.repeat(900_000) });
  assert.deepEqual([counted.code, counted.stdout], [0, '900000\n']);
  const nothing = await runCommand(['ps:exec', ...on, '--', 'nothing-of-that-name']);
  assert.equal(nothing.code, 127, nothing.stdout);
  const [entry] = await listAudit(world.db, { app, limit: 1 });
  assert.deepEqual(
    [entry?.action, /in .*-web-1 on local: nothing-of/.test(entry?.object ?? '')],
    ['ps:exec', true],
  );

  const env = { HAWSER_URL: world.url, HAWSER_TOKEN: await world.makeToken(null, 'run') };
  const split = `echo "$PASSWORD"; printf ${secret.slice(0, 9)}; sleep 1; echo ${secret.slice(9)}`;
  const hidden = await runCommand(['ps:exec', '-a', app, '--', 'sh', '-c', split], { env });
  assert.equal(hidden.stdout, '[redacted]\n[redacted]\n');
  const noRight = { HAWSER_URL: world.url, HAWSER_TOKEN: await world.makeToken(null, 'deploy') };
  assert.equal((await runCommand(['ps:exec', '-a', app, '--', 'true'], { env: noRight })).code, 3);

  // The end of the client is the end of the command and of what it started, and of nothing else.
  const over = await ssh.ssh('laptop', [`ps:exec -a ${app} web -- sh -c 'cat; exit 3'`], [], 'typed');
  assert.deepEqual([over.code, over.stdout], [3, 'typed']);
  const child = ssh.start('laptop', [`ps:exec -a ${app} -- sh -c 'sleep 601 & sleep 602'`]);
  const left = async (what: string) =>
    (await listCommands(docker, name)).filter((line) => line.includes(what));
  await eventually(async () => (await left('sleep 602')).length > 0);
  const id = await newestRun(world);
  child.kill('SIGKILL');
  await eventually(async () => (await left('sleep 60')).length === (await left('sleep 6000')).length);
  await eventually(async () => (await getRun(world.db, id)).outcome === 'left');
  assert.equal((await left('sleep 6000')).length > 0, true);

  // What a killed server left, the upkeep ends.
  const connection = await drivers.rollout.fleet.connect('local', signal);
  const orphan = await insertRun(world.db, {
    ...{ environmentId: stage.environmentId, version: 1, server: 'local', inside: true, actor: 'test' },
    ...{ command: ['sleep'], attached: true, endsMs: Date.now() + 60_000, heldMs: Date.now() - 1 },
    nameContainer: () => name,
  });
  await beginRunning(world.db, orphan.id, Date.now() - 1);
  const [variable = '', mark = ''] = markOf(orphan).split('=');
  const wanted = { container: name, command: ['sleep', '603'], env: { [variable]: mark }, terminal: null };
  await (await createInside(connection, wanted, signal)).start(signal);
  await eventually(async () => (await left('sleep 603')).length > 0);
  await settleRuns(drivers, signal);
  assert.equal((await getRun(world.db, orphan.id)).outcome, 'left');
  await eventually(async () => (await left('sleep 603')).length === 0);

  const count = { container: name, command: ['sh', '-c', 'wc -c; exit 6'], env: {}, terminal: null };
  const far = await runThroughSsh(t, count, Buffer.alloc(300_000));
  assert.deepEqual(far, { said: 'stdout: 300000\n', code: 6 });
  await docker.getContainer(name).kill();
  const stopped = await runCommand(['ps:exec', ...on, '--', 'true']);
  assert.deepEqual([stopped.code, /process_not_running/.test(stopped.stderr)], [1, true]);
  await docker.getContainer(name).remove();
}

async function showTerminal({ docker, on, ssh, world }: Stage, t: TestContext): Promise<void> {
  const script = `trap "echo caught; exit 9" INT; test -t 0; while :; do echo "at $(busybox stty size) $TERM"; sleep 1; done`;
  const here = await openTerminals(t, ssh, 'laptop', { rows: 30, cols: 100, term: 'vt220' });
  const session = await here(`run -a ${app} -- sh -c '${script}'`);
  await eventually(() => session.said().includes('at 30 100 vt220\r\n'));
  session.write('\x03');
  assert.equal(await session.ended, 9);
  assert.match(session.said(), /caught\r\n/);
  assert.deepEqual(await listOurs(docker), []);

  const shell = await here(`run -a ${app} -t -- sh`);
  await eventually(() => shell.said().includes('#'));
  shell.resize(41, 121);
  await eventually(async () => {
    shell.write('busybox stty size\n');
    return shell.said().includes('41 121');
  });
  shell.write('exit 4\n');
  assert.equal(await shell.ended, 4);

  const typed = ['run', ...on, '--', 'sh', '-c', 'test -t 1 && read word && echo "got $word"; exit 5'];
  // The terminal is afterwards as it was before.
  const local = startOnTerminal(typed, { input: 'hello\n', around: 'stty -g' });
  const { code, stdout } = await local.ended;
  assert.equal(code, 5);
  assert.match(stdout, /got hello\r\n/);
  const [before, after] = stdout.match(/(?:[\da-f]+:){9,}/g) ?? [];
  assert.deepEqual([before === undefined, after], [false, before]);
  const none = await runCommand(['run', '-t', ...on, '--', 'true']);
  assert.deepEqual([none.code, /no terminal here/.test(none.stderr)], [2, true]);

  // Nobody types into what somebody else is at.
  const id = await newestRun(world);
  const body = { key: 'x', data: '' };
  const token = await world.makeToken(null, 'run');
  const answer = await world.ask('POST', `/api/v1/apps/${app}/runs/${id}/input`, { token, body });
  assert.deepEqual([answer.status, answer.json.code], [409, 'run_not_attached']);
}

async function showLeftovers({ world, docker, drivers, environmentId }: Stage): Promise<void> {
  const { db } = world;
  const token = await world.makeToken(null, 'run');
  const begin = async (body: object) => {
    const path = `/api/v1/apps/${app}/runs`;
    const { status, json, text } = await world.ask('POST', path, { token, body });
    assert.equal(status, 201, text);
    return json.id as number;
  };
  const change = (id: number, values: { held_ms?: number; ends_ms?: number }) =>
    db.updateTable('runs').set(values).where('id', '=', id).execute();
  const left = await begin({ command: ['sleep', '600'] });
  const late = await begin({ command: ['sh', '-c', 'echo begun; sleep 600'], detach: true });
  const fine = await begin({ command: ['sleep', '600'], detach: true });
  // Killed between the creation of the container and its start.
  const half = await insertRun(db, {
    ...{
      environmentId,
      version: 1,
      server: 'local',
      inside: false,
      actor: 'test',
      command: ['true'],
      attached: true,
    },
    ...{ endsMs: Date.now() + 60_000, heldMs: Date.now() - 1, nameContainer: (id) => `${app}-half-${id}` },
  });
  const image = (await docker.getContainer(`${app}-production-v1-run-${fine}`).inspect()).Config;
  await docker.createContainer({
    name: half.container,
    Image: image.Image,
    Cmd: ['true'],
    Labels: image.Labels,
  });
  await settleRuns(drivers, signal);
  assert.deepEqual((await getRun(db, left)).outcome, null);
  assert.deepEqual((await getRun(db, half.id)).outcome, 'not_started');
  await change(left, { held_ms: Date.now() - 1 });
  await change(late, { ends_ms: Date.now() - 1 });
  await settleRuns(drivers, signal);
  assert.equal((await getRun(db, left)).outcome, 'left');
  assert.equal((await getRun(db, late)).outcome, 'timed_out');
  assert.match(JSON.stringify(await readRunOutput(db, late)), /begun/);
  assert.deepEqual(await listOurs(docker), [`/${app}-production-v1-run-${fine}`]);

  const look = () => observeFleet(drivers.rollout.fleet, ['local'], { app }, signal);
  await removeStrayRuns(await look(), drivers, signal);
  assert.equal((await listOurs(docker)).length, 1);
  // Its record is lost: the container is nobody's.
  await db.updateTable('runs').set({ state: 'ended' }).where('id', '=', fine).execute();
  await removeStrayRuns(await look(), drivers, signal);
  assert.deepEqual(await listOurs(docker), []);
}

test('one-off commands', async (t) => {
  const stage = await openStage(t);
  await t.test(
    'a command runs in a container of its own and its exit code, output and input are its own',
    () => showItsOwn(stage),
  );
  await t.test('over SSH it is the same, and stdin is passed on when that is said', () => showOverSsh(stage));
  await t.test('in a container that serves it is the same, and only the command ends', (inner) =>
    showInside(stage, inner),
  );
  await t.test("on a terminal keys, sizes and Ctrl-C are the command's", (inner) =>
    showTerminal(stage, inner),
  );
  await t.test('Ctrl-C stops the command; one that is detached goes on without its client', (inner) =>
    showEnds(stage, inner),
  );
  await t.test(
    'a run whose starter or follower was killed, or whose time is over, is ended and leaves nothing',
    () => showLeftovers(stage),
  );
});
