import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openClient } from '../../src/cli/client.ts';
import { type Docker, openLocalDocker } from '../../src/fleet/docker.ts';
import { labelNames } from '../../src/model/container.ts';
import { createApp, ensureEnvironment } from '../../src/store/apps.ts';
import { recordRelease } from '../../src/store/releases.ts';
import { type ApiWorld, openApiWorld } from '../support/api-world.ts';
import { openBase } from '../support/build-source.ts';
import { runCommand, startCommand } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { makeRelease } from '../support/rollout-model.ts';

type Wanted = {
  readonly app: string;
  readonly base: string;
  readonly process: string;
  readonly index: number;
  readonly release?: number;
};

async function removeContainers(docker: Docker, app: string): Promise<void> {
  const found = await docker.listContainers({ all: true, filters: { label: [`${labelNames.app}=${app}`] } });
  await Promise.all(found.map(({ Id }) => docker.getContainer(Id).remove({ force: true })));
}

/** Writes three lines a tenth of a second apart, and lives on. */
async function startWriter(docker: Docker, wanted: Wanted): Promise<void> {
  const { app, base, process, index, release = 1 } = wanted;
  const lines = [1, 2, 3].map((n) => `echo ${process}.${index} line ${n}; sleep 0.1`).join('; ');
  const labels = { app, env: 'production', release, process, index, deploy: 1, epoch: 1 };
  const container = await docker.createContainer({
    name: `${app}-production-v${release}-${process}-${index}`,
    Image: base,
    Cmd: ['sh', '-c', `${lines}; sleep 600`],
    Labels: Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [
        labelNames[name as keyof typeof labelNames],
        String(value),
      ]),
    ),
    HostConfig: { NetworkMode: 'none', Init: true },
  });
  await container.start();
}

async function openWriters(
  t: TestContext,
  name: string,
): Promise<{ world: ApiWorld; docker: Docker; app: string; base: string }> {
  const app = `logs${process.pid}${name}`;
  // Hooks run in the order of their registration, and the image goes last.
  t.after(() => removeContainers(openLocalDocker(), app));
  const { docker, base } = await openBase(t, `logs-${name}`);
  const world = await openApiWorld(t);
  const made = await createApp(world.db, app, 'test');
  const place = { name: 'production', domain: `${app}.localhost` };
  const { id } = await ensureEnvironment(world.db, made, place);
  for (const deployId of [1, 2])
    await recordRelease(world.db, { ...makeRelease(1, []), environmentId: id, deployId });
  return { world, docker, app, base };
}

test('lines of all containers come in the order of time, and new containers join', async (t) => {
  const { world, docker, app, base } = await openWriters(t, 'a');
  const on = ['-a', app, '--config', world.config.file];
  await startWriter(docker, { app, base, process: 'web', index: 1 });
  await startWriter(docker, { app, base, process: 'worker', index: 1 });
  const all = await eventually(async () => {
    const { stdout } = await runCommand(['logs', ...on]);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 6);
    return lines;
  });
  const of = (process: string) => [1, 2, 3].map((n) => `local ${process} | ${process} line ${n}`);
  assert.deepEqual(all.toSorted(), [...of('web.1'), ...of('worker.1')]);
  assert.deepEqual(
    all.filter((line) => line.includes('web')),
    of('web.1'),
  );
  const only = async (...argv: string[]) =>
    (await runCommand(['logs', ...argv, ...on])).stdout.trimEnd().split('\n');
  assert.deepEqual(await only('-p', 'worker'), of('worker.1'));
  assert.deepEqual(await only('-p', 'web.1', '-n', '1'), of('web.1').slice(-1));
  assert.deepEqual(await only('-n', '2'), all.slice(-2));

  const following = startCommand(['logs', '-t', '-n', '1', ...on]);
  t.after(() => following.stop());
  // It has joined once it shows what was there; from then on it must miss nothing.
  await eventually(() => following.stdout().includes('worker.1 line 3'));
  await startWriter(docker, { app, base, process: 'web', index: 2 });
  await eventually(() => following.stdout().includes('web.2 line 3'));
  process.kill(following.pid, 'SIGINT');
  const { code, stdout } = await following.ended;
  assert.equal(code, 0);
  const joined = stdout
    .trimEnd()
    .split('\n')
    .filter((line) => line.includes('web.2'));
  assert.deepEqual(joined, of('web.2'));
});

test('who comes back gets only what was written since, who names a time or a release only that', async (t) => {
  const { world, docker, app, base } = await openWriters(t, 'b');
  await startWriter(docker, { app, base, process: 'web', index: 1 });
  const token = await world.makeToken(null, 'logs');
  const client = openClient({ kind: 'url', url: world.url, token });
  const { signal } = new AbortController();
  const read = async (lastId?: string) => {
    const events = [];
    for await (const event of client.follow(`/apps/${app}/logs`, { lastId, signal })) events.push(event);
    return events;
  };
  const first = await eventually(async () => {
    const events = await read();
    assert.equal(events.length, 3);
    return events;
  });
  assert.deepEqual(
    (await read(first[0]?.id)).map(({ id }) => id),
    [first[1]?.id, first[2]?.id],
  );
  assert.deepEqual(await read(first[2]?.id), []);

  const [, second] = first;
  const on = ['-a', app, '--config', world.config.file];
  const logs = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runCommand(['logs', ...on, ...argv]);
    return [
      code,
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(-6))
        .join() || stderr,
    ];
  };
  const at = second?.id ?? '';
  assert.deepEqual(await logs('--since', at), [0, 'line 2,line 3']);
  assert.deepEqual(await logs('--since', at.replace('Z', '+01:00')), [0, 'line 1,line 2,line 3']);
  assert.deepEqual(await logs('--since', at, '-n', '1'), [0, 'line 3']);
  assert.deepEqual(await logs('--since', '1h', '--release', 'v1'), [0, 'line 1,line 2,line 3']);
  assert.deepEqual((await logs('--since', '1ms', '--release', '2'))[0], 0);
  assert.match(String(await logs('--release', 'v3')), /^4,.*release_not_found/s);
  assert.match(String(await logs('--since', 'yesterday')), /^2,.*invalid_input/s);
  await startWriter(docker, { app, base, process: 'web', index: 1, release: 2 });
  const isThere = [0, 'line 1,line 2,line 3'];
  await eventually(async () => assert.deepEqual(await logs('--release', 'v2'), isThere) === undefined);
  const { stdout } = await runCommand(['logs', ...on, '--release', 'v1', '-n', '1', '--json']);
  assert.partialDeepStrictEqual(JSON.parse(stdout), { server: 'local', release: 1, line: 'web.1 line 3' });
});
