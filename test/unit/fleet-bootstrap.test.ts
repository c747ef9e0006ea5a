import assert from 'node:assert/strict';
import { test } from 'node:test';
import { performBootstrap, planBootstrap, planBootstrapOf, showCommand } from '../../src/fleet/bootstrap.ts';

const fresh = {
  user: 'deploy',
  isRoot: false,
  isDebian: true,
  hasEngine: false,
  hasSystemd: true,
  inDockerGroup: false,
};
const signal = new AbortController().signal;

test('a fresh machine gets an engine, started, that its user may use; nothing else is installed', () => {
  assert.deepEqual(planBootstrap(fresh).map(showCommand), [
    'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update',
    'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends docker.io',
    'sudo -n systemctl enable --now docker',
    'sudo -n usermod -aG docker deploy',
  ]);
});

test('what is there is not done again', () => {
  assert.deepEqual(planBootstrap({ ...fresh, hasEngine: true, inDockerGroup: true }), []);
  assert.deepEqual(planBootstrap({ ...fresh, hasEngine: true, isRoot: true }), []);
  assert.deepEqual(planBootstrap({ ...fresh, isRoot: true, hasSystemd: false }).at(-1), [
    'service',
    'docker',
    'start',
  ]);
});

test('a machine of another system is refused before anything runs there', async () => {
  const asked: string[] = [];
  const run = async (argv: readonly string[]) => {
    asked.push(argv[0] ?? '');
    return { code: 1, stdout: '', stderr: '' };
  };
  await assert.rejects(planBootstrapOf(run, 'deploy', signal), { code: 'bootstrap_failed' });
  assert.ok(asked.every((program) => ['id', 'test'].includes(program)));
});

test('the first command that fails ends it, with its last words', async () => {
  const ran: string[] = [];
  const run = async (argv: readonly string[]) => {
    ran.push(showCommand(argv));
    return { code: ran.length === 2 ? 100 : 0, stdout: '', stderr: 'E: no such package\n' };
  };
  const bootstrap = performBootstrap(run, planBootstrap(fresh), signal);
  await assert.rejects(bootstrap, {
    code: 'bootstrap_failed',
    message: /ended with 100: E: no such package/,
  });
  assert.equal(ran.length, 2);
});

test('a command is shown as a person would type it', () => {
  assert.equal(showCommand(['usermod', "it's", '; rm']), "usermod 'it'\\''s' '; rm'");
});
