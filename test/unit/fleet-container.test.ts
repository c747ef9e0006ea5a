import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerSpec, isMadeFrom, parseEntry, parseExit, parseInspect } from '../../src/fleet/container.ts';
import type { ContainerEntry, ContainerInspect } from '../../src/fleet/docker.ts';

const wanted = {
  server: 'app1',
  name: 'shop-production-v3-web-1',
  app: 'shop',
  env: 'production',
  release: 3,
  process: 'web',
  index: 1,
  port: 5000,
} as const;

const options = {
  wanted,
  image: 'hawser/shop:v3',
  process: { type: 'web', command: ['node', 'server.js'], quantity: 1 },
  config: { PORT: '9', GREETING: 'a=b c' },
  resources: { memory: 536_870_912, cpus: 1.5, pids: 512 },
  publish: { address: '10.0.0.2', hostPort: 4101, containerPort: 5000 },
  deploy: 42,
  epoch: 7,
  restart: 'always',
  stopTimeoutMs: 10_500,
} as const;

const labels = {
  'hawser.app': 'shop',
  'hawser.env': 'production',
  'hawser.release': '3',
  'hawser.process': 'web',
  'hawser.index': '1',
  'hawser.deploy': '42',
  'hawser.epoch': '7',
};

test('every field of the spec is what it is meant to be', () => {
  assert.deepEqual(containerSpec(options), {
    name: 'shop-production-v3-web-1',
    Image: 'hawser/shop:v3',
    Cmd: ['node', 'server.js'],
    Env: ['PORT=5000', 'GREETING=a=b c'],
    Labels: labels,
    ExposedPorts: { '5000/tcp': {} },
    StopTimeout: 11,
    Tty: false,
    OpenStdin: false,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      Privileged: false,
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'],
      SecurityOpt: ['no-new-privileges'],
      IpcMode: 'private',
      Binds: [],
      PublishAllPorts: false,
      PortBindings: { '5000/tcp': [{ HostIp: '10.0.0.2', HostPort: '4101' }] },
      NetworkMode: 'hawser-shop-production',
      Memory: 536_870_912,
      MemorySwap: 536_870_912,
      NanoCpus: 1_500_000_000,
      PidsLimit: 512,
      Ulimits: [{ Name: 'nofile', Soft: 65_536, Hard: 65_536 }],
      Init: true,
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      RestartPolicy: { Name: 'always' },
      AutoRemove: false,
    },
  });
});

test('a process without a port publishes nothing, gets no PORT of ours and keeps the command of its image', () => {
  const process = { type: 'worker', command: null, quantity: 1 };
  const spec = containerSpec({ ...options, process, publish: null, restart: 'no' });
  assert.equal('Cmd' in spec, false);
  assert.equal('ExposedPorts' in spec, false);
  assert.deepEqual(spec.Env, ['PORT=9', 'GREETING=a=b c']);
  assert.deepEqual(spec.HostConfig?.PortBindings, {});
  assert.deepEqual(spec.HostConfig?.RestartPolicy, { Name: 'no' });
});

test('nothing is published on every address', () => {
  for (const address of ['0.0.0.0', '::', '']) {
    assert.throws(
      () => containerSpec({ ...options, publish: { ...options.publish, address } }),
      /every address/,
    );
  }
});

const entry = {
  Id: 'abc',
  Names: ['/shop-production-v3-web-1'],
  ImageID: 'sha256:1',
  State: 'running',
  Labels: labels,
  Ports: [
    { IP: '', PrivatePort: 3000, Type: 'tcp' },
    { IP: '10.0.0.2', PrivatePort: 5000, PublicPort: 4101, Type: 'tcp' },
  ],
} as unknown as ContainerEntry;

test('an entry of the list is read', () => {
  assert.deepEqual(parseEntry('app1', entry), {
    server: 'app1',
    id: 'abc',
    name: 'shop-production-v3-web-1',
    app: 'shop',
    env: 'production',
    release: 3,
    process: 'web',
    index: 1,
    deploy: 42,
    epoch: 7,
    state: 'running',
    address: '10.0.0.2:4101',
    imageId: 'sha256:1',
  });
});

test('what is not ours, or not as we write it, is null', () => {
  assert.equal(parseEntry('app1', { ...entry, Labels: {} }), null);
  for (const name of Object.keys(labels)) {
    const { [name as 'hawser.app']: _, ...others } = labels;
    assert.equal(parseEntry('app1', { ...entry, Labels: others }), null, name);
  }
  assert.equal(parseEntry('app1', { ...entry, Labels: { ...labels, 'hawser.epoch': '-1' } }), null);
  assert.equal(parseEntry('app1', { ...entry, Labels: { ...labels, 'hawser.release': '3x' } }), null);
  assert.equal(parseEntry('app1', { ...entry, State: 'levitating' }), null);
});

function inspectOf(state: object = {}, restarts = 0): ContainerInspect {
  const State = {
    Status: 'running',
    Running: true,
    Restarting: false,
    ExitCode: 0,
    OOMKilled: false,
    Error: '',
  };
  return {
    Id: 'abc',
    Name: '/shop-production-v3-web-1',
    Image: 'sha256:1',
    RestartCount: restarts,
    State: { ...State, ...state },
    Config: { Labels: labels, Image: 'hawser/shop:v3' },
    HostConfig: { PortBindings: { '5000/tcp': [{ HostIp: '10.0.0.2', HostPort: '4101' }] } },
  } as unknown as ContainerInspect;
}

test('an inspect reads the same as the list', () => {
  assert.deepEqual(parseInspect('app1', inspectOf()), parseEntry('app1', entry));
  assert.equal(parseInspect('app1', inspectOf({ Status: 'exited', Running: false }))?.address, null);
});

test('a container is made from a spec only with the same labels, image and port', () => {
  const spec = containerSpec(options);
  assert.equal(isMadeFrom(inspectOf(), spec), true);
  assert.equal(isMadeFrom(inspectOf(), containerSpec({ ...options, epoch: 8 })), false);
  assert.equal(isMadeFrom(inspectOf(), containerSpec({ ...options, image: 'hawser/shop:v4' })), false);
  const publish = { ...options.publish, hostPort: 4102 };
  assert.equal(isMadeFrom(inspectOf(), containerSpec({ ...options, publish })), false);
});

test('how a container ended is told in words', () => {
  const ended = { Status: 'exited', Running: false };
  assert.equal(parseExit(inspectOf()), null);
  assert.equal(parseExit(inspectOf({ Status: 'created', Running: false })), null);
  assert.equal(parseExit(inspectOf({ ...ended, ExitCode: 3 }))?.reason, 'exited with code 3');
  assert.equal(
    parseExit(inspectOf({ ...ended, ExitCode: 137, OOMKilled: true }))?.reason,
    'ran out of memory',
  );
  assert.equal(
    parseExit(inspectOf({ Restarting: true, ExitCode: 1 }, 2))?.reason,
    'exited with code 1 and was restarted 2 times',
  );
  assert.equal(parseExit(inspectOf({}, 1))?.restarts, 1);
  assert.equal(parseExit(inspectOf({}, 3))?.reason, 'ended and was restarted 3 times');
  assert.equal(
    parseExit(inspectOf({}, 3), { exitCode: 4, oomKilled: false })?.reason,
    'exited with code 4 and was restarted 3 times',
  );
  assert.equal(
    parseExit(inspectOf({ Status: 'created', Running: false, ExitCode: 127, Error: 'no such file' }))?.reason,
    'exited with code 127 (no such file)',
  );
});
