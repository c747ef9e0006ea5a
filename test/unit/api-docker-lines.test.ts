import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDockerRun, quoteWord } from '../../src/api/docker-lines.ts';
import { containerSpec } from '../../src/fleet/container.ts';

const wanted = {
  server: 'app1',
  name: 'shop-production-v4-web-1',
  app: 'shop',
  env: 'production',
  release: 4,
  process: 'web',
  index: 1,
  port: 8080,
};

test('a line is the container as we make it', () => {
  const spec = containerSpec({
    wanted,
    image: 'hawser/a1:abc',
    process: { type: 'web', command: ['sh', '-c', "echo 'it''s'; exec node ."], quantity: 1 },
    config: { GREETING: 'hello $(id) "you"', EMPTY: '' },
    resources: { memory: 536_870_912, cpus: 0.5, pids: 256 },
    publish: { address: '10.0.0.11', hostPort: 20_001, containerPort: 8080 },
    deploy: 9,
    epoch: 12,
    restart: 'always',
    stopTimeoutMs: 10_000,
  });
  const line = formatDockerRun(spec);
  for (const part of [
    '--env \'GREETING=hello $(id) "you"\'',
    '--env EMPTY=',
    '--env PORT=8080',
    '--publish 10.0.0.11:20001:8080/tcp',
    '--label hawser.release=4',
    '--network hawser-shop-production',
    '--restart always',
    '--cap-drop ALL',
    '--memory 536870912',
    '--cpus 0.5',
    '--pids-limit 256',
  ]) {
    assert.ok(line.includes(` ${part} `), `${part} is not in ${line}`);
  }
  assert.ok(line.startsWith('docker run -d --name shop-production-v4-web-1 '));
  assert.ok(line.endsWith(` hawser/a1:abc sh -c 'echo '\\''it'\\'''\\''s'\\''; exec node .'`), line);
});

test('a shell reads a quoted word as it was', () => {
  const words = fc.sample(
    fc.string({ unit: 'binary-ascii' }).filter((text) => !text.includes('\0')),
    300,
  );
  const script = `printf '%s\\0' ${words.map(quoteWord).join(' ')}`;
  const seen = execFileSync('/bin/dash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
  assert.deepEqual(seen, words);
});
