import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeBaseImages } from '../../src/setup/base-images.ts';
import { type DeployWorld, openDeployWorld } from '../support/deploy-world.ts';
import { docker } from '../support/docker.ts';
import { digestOf, pushManifest } from '../support/registry.ts';
import { makeRepository } from '../support/repository.ts';
import { findFreePort } from '../support/sshd.ts';

const rollout = { health: { interval: '100ms', deadline: '20s' }, drain: '2s', stopTimeout: '2s' };

let world: DeployWorld;

before(async () => {
  await makeBaseImages(['python'], { aliases: true });
  const production = { branches: ['main'], rollout };
  const servers = ['app1'];
  const strict = { branches: ['strict'], servers, promoteFrom: 'production', requireNonRoot: true, rollout };
  world = await openDeployWorld(3, { environments: { production, strict } });
});
after(() => world?.close());

/** Pushes a new app and returns what the push wrote. */
async function deploy(
  t: TestContext,
  app: string,
  folder: string,
  files: Readonly<Record<string, string | null>> = {},
): Promise<string> {
  const repository = await makeRepository(folder, { files });
  t.after(() => repository[Symbol.asyncDispose]());
  const { code, stderr } = await repository.push(world.hawser.remote(app));
  assert.equal(code, 0, stderr);
  return stderr;
}

function answersOf(app: string, path = '/'): Promise<string[]> {
  return world.listAnswers(`${app}.localhost`, path);
}

test('a Node app without a Dockerfile is built, and the Dockerfile is shown', async (t) => {
  const output = await deploy(t, 'node-plain', 'node-plain');
  assert.match(output, /No Dockerfile; this is Node, built with:\s+(remote: +)?FROM hawser-base\/node/);
  assert.deepEqual(await answersOf('node-plain'), ['200 one']);
  assert.doesNotMatch(output, /runs as root/);
  const [server] = world.fleet.servers;
  assert.ok(server);
  const look = 'id -u; touch /app/x && echo it may write';
  const said = await docker(server, 'exec', 'node-plain-production-v1-web-1', 'sh', '-c', look);
  assert.match(said, /^1000\s+it may write/);
});

test('a Python app without a Dockerfile is built, and its Procfile says what runs', async (t) => {
  const output = await deploy(t, 'python-plain', 'python-plain');
  assert.match(output, /this is Python/);
  assert.deepEqual(await answersOf('python-plain'), ['200 one']);
});

test('plain files are served', async (t) => {
  assert.match(await deploy(t, 'site', 'static-site'), /this is static files/);
  const [page, ...others] = await answersOf('site');
  assert.match(page ?? '', /^200 .*<h1>version one<\/h1>/);
  assert.deepEqual(others, []);
  assert.match((await world.hawser.fetch('site.localhost', '/style.css')).body, /sans-serif/);
});

test('the Flask and Redis app of the Docker guide counts over all servers', async (t) => {
  const env = { REDIS_URL: await startRedis(t) };
  await deploy(t, 'guide', 'python-flask-redis', { 'app.json': JSON.stringify({ env }) });
  const answers = await answersOf('guide');
  assert.equal(answers.length, 30);
  for (const answer of answers) assert.match(answer, /^200 Hello from Docker! I have been seen \d+ times\.$/);
});

/** A Redis that the servers reach, and nobody else; returns its URL. */
async function startRedis(t: TestContext): Promise<string> {
  const port = await findFreePort();
  const { address } = world.fleet;
  const settings = { bind: address, port: String(port), save: '', 'protected-mode': 'no', dir: '/' };
  const argv = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = spawn('redis-server', argv, { stdio: 'ignore' });
  t.after(() => redis.kill());
  await once(redis, 'spawn');
  return `redis://${address}:${port}`;
}

test('processes of the Procfile are spread over the servers as app.json says', async (t) => {
  const formation = { web: { quantity: 2 }, worker: { quantity: 4 } };
  const output = await deploy(t, 'spread', 'worker-and-web', { 'app.json': JSON.stringify({ formation }) });
  assert.match(output, /Release command: node release\.js/);
  const containers = await Promise.all(
    world.fleet.servers.map(async (server) => {
      const names = await docker(
        server,
        'ps',
        '--format',
        '{{.Names}}',
        '--filter',
        'label=hawser.app=spread',
      );
      return names
        .split('\n')
        .map((name) => name.replace('spread-production-v1-', ''))
        .sort();
    }),
  );
  assert.deepEqual(containers, [['web-1', 'worker-1', 'worker-4'], ['web-2', 'worker-2'], ['worker-3']]);
  assert.deepEqual(await answersOf('spread'), ['200 web one']);
});

const onbuild = `hawser-test-onbuild-${process.pid}`;
const kitchen = {
  Dockerfile: `# escape=\\
FROM hawser-base/busybox AS made
ARG GREETING=nobody
WORKDIR /made
COPY . .
RUN printf '%s %s' "$GREETING" "$(echo *)" > index.html

FROM ${onbuild} AS run
COPY --from=made /made/index.html /www/index.html
EXPOSE 9000 3000 8125/udp
HEALTHCHECK --interval=1s --retries=1 CMD false
CMD ["sh", "-c", "exec httpd -f -p $PORT -h /www"]

FROM hawser-base/busybox
CMD ["false"]
`,
  '.dockerignore': '# not for the image\n*.md\n!keep.md\nsecret\n.dockerignore\nDockerfile\napp.json\n',
  'app.json': JSON.stringify({ hawser: { build: { target: 'run', args: { GREETING: 'ahoy' } } } }),
  'drop.md': '',
  'keep.md': '',
  'secret/key': 'x',
  'marker.txt': 'taken by ONBUILD',
};

test('stages, ARG, ONBUILD, .dockerignore, EXPOSE and HEALTHCHECK mean what they mean to Docker', async (t) => {
  const engine = { dockerHost: 'unix:///var/run/docker.sock' };
  const name = `${onbuild}-made`;
  t.after(() => docker(engine, 'image', 'rm', '-f', onbuild));
  await docker(engine, 'create', '--name', name, 'hawser-base/busybox', 'true');
  t.after(() => docker(engine, 'rm', name));
  await docker(engine, 'commit', '--change', 'ONBUILD COPY marker.txt /www/marker.txt', name, onbuild);
  await deploy(t, 'kitchen', 'build-fails', kitchen);
  assert.deepEqual(await answersOf('kitchen'), ['200 ahoy keep.md marker.txt']);
  assert.deepEqual(await answersOf('kitchen', '/marker.txt'), ['200 taken by ONBUILD']);
  const containers = await world.containersOf('kitchen');
  assert.deepEqual([...new Set(containers.map(({ state }) => state))], ['running']);
  for (const { ports } of containers) assert.match(ports, /->3000\/tcp/);
});

test('a container has our name, our labels, one address and as little power as it needs', async (t) => {
  const repository = await makeRepository('hello');
  t.after(() => repository[Symbol.asyncDispose]());
  const { code, stderr } = await repository.push(world.hawser.remote('hard'));
  assert.equal(code, 0, stderr);
  assert.match(stderr, / ! +The image runs as root/);
  const deployId = /Queued deploy (\d+)/.exec(stderr)?.[1];
  for (const [index, server] of world.fleet.servers.entries()) {
    const [found] = JSON.parse(
      await docker(server, 'container', 'inspect', `hard-production-v1-web-${index + 1}`),
    );
    const { 'hawser.epoch': epoch, ...labels } = found.Config.Labels;
    assert.match(epoch, /^[1-9]\d*$/);
    assert.deepEqual(Object.fromEntries(Object.entries(labels).filter(([key]) => key !== 'hawser.base')), {
      'hawser.app': 'hard',
      'hawser.env': 'production',
      'hawser.release': '1',
      'hawser.process': 'web',
      'hawser.index': String(index + 1),
      'hawser.deploy': deployId,
    });
    const bound = Object.values<{ HostIp: string }[]>(found.NetworkSettings.Ports).flat();
    assert.deepEqual(
      bound.map(({ HostIp }) => HostIp),
      [server.address],
    );
    const host = found.HostConfig;
    assert.equal(host.Privileged, false);
    assert.deepEqual(host.CapDrop, ['ALL']);
    assert.deepEqual(host.SecurityOpt, ['no-new-privileges']);
    assert.deepEqual(host.Binds ?? [], []);
    assert.equal(host.Memory, 2 ** 30);
    assert.equal(host.MemorySwap, host.Memory);
    assert.equal(host.PidsLimit, 512);
    assert.equal(host.RestartPolicy.Name, 'always');
    assert.equal(host.NetworkMode.includes('host'), false);
    // Not only asked for, also so: nobody in it gains a right.
    const status = await docker(server, 'exec', found.Name.slice(1), 'cat', '/proc/1/status');
    assert.match(status, /NoNewPrivs:\t1/);
  }
});

test('an image that runs as root goes to no environment that takes none, however it comes', async (t) => {
  const repository = await makeRepository('hello');
  t.after(() => repository[Symbol.asyncDispose]());
  const pushed = await repository.push(world.hawser.remote('hard'), { refspec: 'main:strict' });
  assert.notEqual(pushed.code, 0);
  assert.match(pushed.stderr, /The image runs as root, which strict does not take[\s\S]*USER/);
  assert.doesNotMatch(pushed.stderr, /Rolling out/);
  const promoted = await world.hawser.cli('promote', '-a', 'hard', '--from', 'production', '--to', 'strict');
  assert.notEqual(promoted.code, 0);
  assert.match(promoted.stdout + promoted.stderr, /image_runs_as_root|which strict does not take/);
  assert.deepEqual(
    (await world.containersOf('hard')).filter(({ name }) => name.startsWith('hard-strict')),
    [],
  );
});

test('a commit that was pushed goes to another environment by its first digits', async () => {
  const { hawser } = world;
  const { stdout } = await hawser.cli('releases:info', 'v1', '-a', 'node-plain', '--json');
  const commit: string = JSON.parse(stdout).commit;
  const wanted = ['deploy', '--commit', commit.slice(0, 8), '-a', 'node-plain', '-e', 'strict'];
  const planned = await hawser.cli(...wanted, '--plan');
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, new RegExp(`commit ${commit.slice(0, 7)}`));
  const made = await hawser.cli(...wanted);
  assert.equal(made.code, 0, made.stdout + made.stderr);
  assert.match(made.stdout + made.stderr, new RegExp(`Deploys the commit ${commit}[\\s\\S]*Released v1`));
  assert.deepEqual(await world.listAnswers('node-plain-strict.localhost'), ['200 one']);
});

test("an image that was built elsewhere is deployed by its name, but no other app's and none for another processor", async (t) => {
  const { hawser } = world;
  const port = (await readFile(join(hawser.data, 'run', 'registry.port'), 'utf8')).trim();
  const registry = `127.0.0.1:${port}`;
  const engine = { dockerHost: 'unix:///var/run/docker.sock' };
  const [name, made] = [`hawser-test-elsewhere-${process.pid}`, `${registry}/team/made:1`];
  const serve = 'cd /tmp; echo "from elsewhere, $TONE" > index.html; exec httpd -f -p $PORT -h /tmp';
  await docker(engine, 'create', '--name', name, 'hawser-base/busybox', 'true');
  t.after(() => docker(engine, 'rm', name));
  const change = `CMD ${JSON.stringify(['sh', '-c', serve])}`;
  await docker(engine, 'commit', '--change', change, '--change', 'EXPOSE 8080', name, made);
  await docker(engine, 'push', made);
  await docker(engine, 'image', 'rm', '-f', made);
  t.after(() => docker(engine, 'image', 'rm', '-f', made));
  const run = async (exit: number, image: string, ...words: string[]) => {
    const { code, stdout, stderr } = await hawser.cli('deploy', '--image', image, '-a', 'made', ...words);
    assert.equal(code, exit, stdout + stderr);
    return stdout + stderr;
  };
  await hawser.cli('apps:create', 'made');
  await hawser.cli('config:set', '-a', 'made', 'TONE=calm');
  assert.match(await run(0, made, '--plan'), /image 127\.0\.0\.1:\d+\/team\/made:1.*fetch and publish/s);
  const output = await run(0, made);
  assert.match(output, /Fetching .*team\/made:1.*team\/made:1@sha256:[0-9a-f]{64}.*Released v1/s);
  assert.deepEqual(await answersOf('made'), ['200 from elsewhere, calm']);
  assert.match((await hawser.cli('releases', '-a', 'made')).stdout, /image 127\.0\.0\.1:\d+\/team\/made:1/);

  const { stdout } = await hawser.cli('releases:info', 'v1', '-a', 'hard', '--json');
  const { repository, digest } = JSON.parse(stdout).image;
  assert.match(await run(3, `${registry}/${repository}@${digest}`), /image_not_yours/);
  assert.match(await run(2, '127.0.0.1:1/x/y'), /url_not_allowed/);
  assert.match(await run(2, 'x;y'), /image_name_invalid/);
  assert.match(await run(1, `${registry}/team/made:2`), /image_not_found/);
  const layer = Buffer.alloc(1024);
  await pushManifest(`http://${registry}`, 'team/arm', '1', [gzipSync(layer)], {
    ...{ architecture: 'arm64', os: 'linux', config: { Cmd: ['/x'] } },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  t.after(() => docker(engine, 'image', 'rm', '-f', `${registry}/team/arm:1`));
  assert.match(
    await run(1, `${registry}/team/arm:1`),
    /The image is for linux\/arm64, app\d is linux\/amd64/,
  );
  assert.deepEqual(await answersOf('made'), ['200 from elsewhere, calm']);
});
