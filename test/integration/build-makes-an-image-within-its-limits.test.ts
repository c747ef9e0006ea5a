import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { performBuild } from '../../src/build/perform.ts';
import { type Docker, openLocalDocker } from '../../src/fleet/docker.ts';
import { type Files, failureOf, leftovers, prepare } from '../support/build-run.ts';
import { openBase } from '../support/build-source.ts';
import { eventually } from '../support/eventually.ts';

const mega = 1024 ** 2;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes that something still refers to: what the process takes besides is the collector's affair. */
function measureKept(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a build', () => {
  let docker: Docker;
  let base: string;
  const cleanUp: (() => Promise<void> | void)[] = [];
  before(async () => {
    const context = { after: (work: () => Promise<void>) => cleanUp.push(work) } as unknown as TestContext;
    ({ docker, base } = await openBase(context, 'build'));
  });
  after(async () => {
    for (const work of cleanUp.toReversed()) await work();
  });

  test('makes a labelled image, with arguments, ports and a cache for the next one', async () => {
    const files = {
      Dockerfile: `# syntax=evil/frontend\nFROM ${base} AS one\nARG WHO=nobody\nRUN echo made by $WHO > /made\nRUN head -c 8 /dev/random > /dice\nEXPOSE 3000 80/udp\nHEALTHCHECK CMD true\nVOLUME /data\nFROM one\nCOPY . /app\nCMD ["cat", "/made"]\n`,
      'app.json': '{"hawser": {"build": {"args": {"WHO": "us & \\"them\\""}}}}',
      'kept.txt': 'kept',
      'secret.txt': 'not for the image',
      '.dockerignore': 'secret.txt\nDockerfile\n',
    };
    const first = prepare(docker, base, files);
    const built = await first.build();
    assert.deepEqual(built.exposedPorts, [3000]);
    assert.match(built.warnings.join(), /VOLUME \/data/);
    assert.equal(built.user, '');
    const { Config, RootFS } = await docker.getImage(built.imageId).inspect();
    assert.equal(Config.Labels['hawser.deploy'], String(first.deployId));
    const second = await prepare(docker, base, files).build();
    const again = await docker.getImage(second.imageId).inspect();
    assert.deepEqual(again.RootFS.Layers, RootFS.Layers, 'the dice were thrown again');
    const fresh = await prepare(docker, base, files, { noCache: true }).build();
    const thrown = await docker.getImage(fresh.imageId).inspect();
    assert.notDeepEqual(thrown.RootFS.Layers, RootFS.Layers);
    const look = prepare(docker, base, {
      Dockerfile: `FROM ${built.imageId.replace('sha256:', '')}\nRUN cat /made; ls -a /app; echo end\n`,
    });
    await look.build();
    const seen = look.log.lines.join('\n');
    assert.match(seen, /made by us & "them"\n\.\n\.\.\n\.dockerignore\napp\.json\nkept\.txt\nend/);
  });

  test('without a Dockerfile has one generated, which the image does not hold', async () => {
    const { log, build } = prepare(docker, base, { 'public/index.html': '<p>hello', 'public/a.css': '' });
    const { imageId, exposedPorts, user } = await build();
    assert.deepEqual([exposedPorts, user], [[], '1000:1000']);
    assert.match(log.lines.join('\n'), /static files[\s\S]*COPY public\/ \/www/);
    const { Config } = await docker.getImage(imageId).inspect();
    assert.match(Config.Cmd?.join(' ') ?? '', /httpd -f -p "\$PORT" -h \/www/);
    const look = prepare(docker, base, { 'index.html': '', 'x.txt': '' });
    const { imageId: flat } = await look.build();
    const list = prepare(docker, base, {
      Dockerfile: `FROM ${flat.replace('sha256:', '')}\nRUN ls -a /www; echo end\n`,
    });
    await list.build();
    assert.match(list.log.lines.join('\n'), /\n\.\n\.\.\nindex\.html\nx\.txt\nend/);
  });

  test('takes a Dockerfile from outside its context', async () => {
    const files = {
      'docker/web': `FROM ${base}\nCOPY . /app\nRUN ls -a /app; echo end\n`,
      'docker/web.dockerignore': 'b.txt\n',
      'shop/a.txt': 'a',
      'shop/b.txt': 'b',
      'other/c.txt': 'c',
      'app.json': '{"hawser": {"build": {"dockerfile": "docker/web", "context": "./shop/"}}}',
    };
    const { log, build } = prepare(docker, base, files);
    await build();
    assert.match(log.lines.join('\n'), /\n\.\n\.\.\n(?:\.dockerignore\n)?a\.txt\nend/);
  });

  test('runs a step with a cache mount without it, and hides what it put in', async () => {
    const text = `FROM ${base}\nRUN --mount=type=cache,target=/c \\\n  echo ran\nCOPY . /app\nRUN ls -a /app; echo end\n`;
    const { log, build } = prepare(docker, base, { Dockerfile: text, 'a.txt': '' });
    const { warnings } = await build();
    assert.match(warnings.join(), /mount=type=cache/);
    assert.match(log.lines.join('\n'), /\nran\n[\s\S]*\n\.\n\.\.\nDockerfile\na\.txt\nend/);
  });

  const refused: [string, Files, string, RegExp][] = [
    [
      'an unknown instruction',
      { Dockerfile: 'FROM $BASE\nRUN true\nFOO bar\n' },
      'dockerfile_invalid',
      /Dockerfile line 3[\s\S]*3 \| FOO bar/,
    ],
    ['no instruction', { Dockerfile: '# nothing\n\n' }, 'dockerfile_empty', /no instruction/],
    [
      'no Dockerfile and no builder',
      { 'a.txt': '' },
      'no_dockerfile',
      /package\.json.*requirements\.txt.*index\.html/,
    ],
    [
      'a Dockerfile in other letters',
      { dockerfile: 'FROM x' },
      'no_dockerfile',
      /there is dockerfile: case matters/,
    ],
    [
      'a named Dockerfile that is missing',
      { 'app.json': '{"hawser":{"build":{"dockerfile":"x/y"}}}' },
      'dockerfile_missing',
      /x\/y/,
    ],
    [
      'a context that is missing',
      { Dockerfile: 'FROM x', 'app.json': '{"hawser":{"build":{"context":"sub"}}}' },
      'build_context_missing',
      /sub/,
    ],
    [
      'a base image that is nowhere',
      { Dockerfile: 'FROM 127.0.0.1:9/nope:latest\n' },
      'base_image_not_found',
      /127\.0\.0\.1:9\/nope:latest.*cannot be pulled/,
    ],
    [
      'a stage that is missing',
      { Dockerfile: 'FROM $BASE\n', 'app.json': '{"hawser":{"build":{"target":"prod"}}}' },
      'dockerfile_invalid',
      /prod/,
    ],
    [
      'a step that fails',
      { Dockerfile: 'FROM $BASE\n\nRUN echo the reason; exit 42\n' },
      'build_failed',
      /step 2 "RUN echo the reason; exit 42" \(Dockerfile:3\) ended with exit code 42\n {2}the reason/,
    ],
    [
      'a kill that is no lack of memory',
      { Dockerfile: 'FROM $BASE\nRUN exit 137\n' },
      'build_failed',
      /exit code 137/,
    ],
    ['a file that is not there', { Dockerfile: 'FROM $BASE\nCOPY nofile /x\n' }, 'build_failed', /nofile/],
    [
      'too much memory',
      { Dockerfile: 'FROM $BASE\nRUN tail -c 200m /dev/zero\n' },
      'build_oom',
      /64m of memory/,
    ],
    [
      'a mount of the other builder',
      { Dockerfile: 'FROM $BASE\nRUN --mount=type=bind,from=x,target=/x true\n' },
      'dockerfile_invalid',
      /--mount/,
    ],
    [
      'rights that no build has',
      { Dockerfile: 'FROM $BASE\nRUN --security=insecure true\n' },
      'dockerfile_invalid',
      /security/,
    ],
  ];
  for (const [what, files, code, message] of refused) {
    test(`is refused for ${what}: ${code}`, async () => {
      const replaced = Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name, text.replace('$BASE', base)]),
      );
      const { build, deployId } = prepare(docker, base, replaced);
      const failure = await failureOf(build());
      assert.match(failure.message, message);
      assert.equal(failure.code, code);
      assert.deepEqual(await leftovers(docker, deployId), []);
    });
  }

  test('cannot have more processes than its limit', async () => {
    // The limit is set on a step that has just begun: what it forks before that is bound by its memory alone.
    const bomb = 'sleep 3; i=0; while [ $i -lt 3000 ]; do sleep 9 & i=$((i+1)); done; wait';
    const { build, log } = prepare(docker, base, { Dockerfile: `FROM ${base}\nRUN ${bomb}\n` });
    const failure = await failureOf(build());
    assert.equal(failure.code, 'build_failed');
    assert.match(log.lines.join('\n'), /can't fork/);
  });

  test('is stopped when its time is over', { timeout: 120_000 }, async () => {
    const files = { Dockerfile: `FROM ${base}\nRUN sleep 600\n` };
    const { request } = prepare(docker, base, files);
    // Long enough for a slow machine to come to the step.
    const timed = { ...request, builders: { ...request.builders, timeoutMs: 4500 } };
    const failure = await failureOf(performBuild(timed));
    assert.equal(failure.code, 'build_timeout');
    assert.match(failure.message, /RUN sleep 600.*4500ms/);
    await eventually(async () => (await leftovers(docker, request.deployId)).length === 0);
  });

  test('is stopped by its signal, and leaves nothing', { timeout: 120_000 }, async () => {
    const stop = new AbortController();
    const files = { Dockerfile: `FROM ${base}\nRUN echo begun; sleep 600\n` };
    const { log, deployId, build } = prepare(docker, base, files, { signal: stop.signal });
    const running = build();
    running.catch(() => undefined); // It is awaited below.
    await eventually(() => log.lines.some((line) => line === 'begun'));
    const reason = new Error('superseded');
    stop.abort(reason);
    await assert.rejects(running, reason);
    await eventually(async () => (await leftovers(docker, deployId)).length === 0);
  });

  test('may talk without end and without a line: memory stays flat', async (t) => {
    const long = 'head -c 60000000 /dev/zero | cat';
    const { log, build } = prepare(docker, base, {
      Dockerfile: `FROM ${base}\nRUN ${long}; yes | head -c 20000000 | tail -c 4\n`,
    });
    const before = measureKept();
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, measureKept())), 200);
    await build().finally(() => clearInterval(looking));
    t.diagnostic(`${Math.round((most - before) / mega)} MB kept of 80`);
    assert.ok(most - before < 40 * mega);
    assert.ok(log.lines.every((line) => line.length < 20_000));
    assert.match(log.lines.join('\n'), /… \d+ more/);
  });

  test('says so when a step finds the disk full', async () => {
    const { request } = prepare(docker, base, {
      Dockerfile: `FROM ${base}\nRUN cat /dev/zero > /dev/shm/x\n`,
    });
    const failure = await failureOf(
      performBuild({ ...request, builders: { ...request.builders, memory: 256 * mega } }),
    );
    assert.equal(failure.code, 'build_disk_full', failure.message);
    assert.match(failure.message, /RUN cat.*no space left/i);
  });

  test('says so when the builder has no engine', async () => {
    const nobody = openLocalDocker({ socketPath: '/nonexistent/docker.sock' });
    const failure = await failureOf(prepare(nobody, base, { Dockerfile: `FROM ${base}\n` }).build());
    assert.equal(failure.code, 'builder_lost', failure.message);
  });

  test('does not begin on a disk that is nearly full', async () => {
    const { build } = prepare(
      docker,
      base,
      { Dockerfile: `FROM ${base}\nRUN sleep 5\n` },
      { limits: { diskFloor: 2 ** 60 } },
    );
    const failure = await failureOf(build());
    assert.equal(failure.code, 'build_disk_full');
    assert.match(failure.message, /limits\.diskFloor/);
  });

  test('is stopped when it fills the disk, and its layers go', { timeout: 120_000 }, async () => {
    const steps = 'RUN head -c 1000000 /dev/zero > /x\nRUN echo more; sleep 600';
    const files = { Dockerfile: `FROM ${base}\n${steps}\n`, 'a.txt': '' };
    const begun = new Date();
    const { build, deployId, log } = prepare(docker, base, files, {
      noCache: true,
      limits: { diskFloor: 1000 },
      readFree: async () => (log.lines.includes('more') ? 999 : 1000),
    });
    const failure = await failureOf(build());
    assert.equal(failure.code, 'build_disk_exceeded', failure.message);
    assert.match(failure.message, /limits\.diskFloor/);
    await eventually(async () => (await leftovers(docker, deployId)).length === 0);
    const images = await docker.listImages({ all: true, filters: { since: [base] } });
    const layers = await Promise.all(images.map(({ Id }) => docker.getImage(Id).history()));
    const own = layers.flat().filter((layer) => layer.Created * 1000 >= begun.getTime() - 1000);
    assert.deepEqual(
      own.filter(({ CreatedBy }) => CreatedBy.includes('head -c 1000000')),
      [],
    );
  });

  test('without a network reaches neither the machine beside it nor what gives out keys', async (t) => {
    // It stands for Redis, the registry and the API: whatever listens on the builder's machine.
    const asked: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk) => asked.push(String(chunk))).on('error', () => socket.destroy());
      socket.end('reached');
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const fetches = (gateway: string) =>
      [`${gateway} ${port}`, '169.254.169.254 80']
        .map((at) => `echo ${at}; echo hello | busybox nc -w 5 ${at} 2>&1; `)
        .join('');
    const bridge = await docker.getNetwork('bridge').inspect();
    const gateway = bridge.IPAM?.Config?.[0]?.Gateway ?? '';
    const text = `FROM ${base}\nRUN ${fetches(gateway)}busybox tail -n +2 /proc/net/route; echo end\n`;
    const alone = prepare(docker, base, { Dockerfile: text });
    const { request } = alone;
    await performBuild({ ...request, builders: { ...request.builders, network: 'none' } });
    assert.deepEqual(asked, []);
    const said = alone.log.lines.join('\n');
    assert.match(said, /(?:is unreachable[\s\S]*){2}\nend/, said);
    const open = prepare(docker, base, {
      Dockerfile: text.replaceAll('169.254.169.254', '127.0.0.1'),
    });
    await open.build();
    assert.deepEqual(asked, ['hello\n'], open.log.lines.join('\n'));
    assert.match(open.log.lines.join('\n'), /reached/);
  });
});
