import assert from 'node:assert/strict';
import fs from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import git from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { runProgram } from '../support/program.ts';
import { commitFile, makeSource, mustRun, token } from '../support/receive-world.ts';
import { openSshWorld, type SshWorld } from '../support/ssh-world.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'clients');
// Debian's own, which its packages are for, whatever else is first in the PATH.
const python = '/usr/bin/python3';

type Client = {
  readonly name: string;
  readonly program: string;
  /** What stands in the environment for a way to the server. */
  env(world: SshWorld, way: Way): Record<string, string>;
  url(world: SshWorld, way: Way): string;
};
type Way = 'http' | 'ssh';

const clients: readonly Client[] = [
  {
    name: 'Dulwich',
    program: join(fixtures, 'dulwich_client.py'),
    env: (world) => world.gitEnv('laptop'),
    url: (world, way) => (way === 'http' ? world.url() : world.remote()),
  },
  {
    name: 'libgit2',
    program: join(fixtures, 'libgit2_client.py'),
    env: (world, way): Record<string, string> =>
      way === 'http' ? { TOKEN: token } : { KEY: join(world.folder, 'keys', 'laptop') },
    url: (world, way) => (way === 'http' ? `http://127.0.0.1:${world.httpPort}/shop.git` : world.remote()),
  },
];

/** Both doors, with the first commit pushed through each by git itself; one for all clients. */
async function open(t: TestContext) {
  const world = await openSshWorld(t, {
    outcome: async (deploy, write) => {
      write('       building');
      return deploy.message.includes('bad') ? 'failed' : 'live';
    },
  });
  await world.makeKey('laptop', ['push']);
  const source = await makeSource(world.folder, 'source', world.remote());
  await mustRun(source, 'push', world.url(), 'main');
  const pushed = await world.git('laptop', source, 'push', 'deploy', 'main');
  assert.equal(pushed.code, 0, pushed.output);
  return { world, source };
}

type Opened = Awaited<ReturnType<typeof open>>;

async function tryClient({ world }: Opened, { name, program, env, url }: Client): Promise<void> {
  for (const way of ['http', 'ssh'] as const) {
    const run = (file: string) =>
      runProgram(
        python,
        [program, url(world, way), join(world.folder, `${name}-${way}-${file}`), file, 'main'],
        {
          env: { PATH: process.env.PATH, HOME: world.folder, ...env(world, way) },
        },
      );
    const said = await run('good');
    assert.match(said, /Queued deploy \d+ for shop\/production[\s\S]*building/, `${name} ${way}`);
    assert.equal(said.trim().split('\n').at(-1), world.recorded.at(-1)?.commit, `${name} ${way}`);
    await assert.rejects(run('bad'), /build failed/, `${name} ${way}`);
  }
}

async function tryIsomorphicGit({ world }: Opened, t: TestContext): Promise<void> {
  const warnings: Error[] = [];
  const warn = (warning: Error) => void warnings.push(warning);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const said: string[] = [];
  const dir = join(world.folder, 'isomorphic');
  const url = `http://127.0.0.1:${world.httpPort}/shop.git`;
  const onAuth = () => ({ username: 'deploy', password: token });
  const common = { fs, http, dir, onAuth, onMessage: (line: string) => void said.push(line) };
  await git.clone({ ...common, url });
  const commit = async (file: string) => {
    fs.writeFileSync(join(dir, file), file);
    await git.add({ fs, dir, filepath: file });
    const author = { name: 'Ada', email: 'ada@example.com' };
    return git.commit({ fs, dir, message: `change ${file}`, author });
  };
  const good = await commit('good');
  const pushed = await git.push({ ...common, ref: 'main' });
  assert.ok(pushed.ok, JSON.stringify(pushed));
  assert.equal(world.recorded.at(-1)?.commit, good);
  assert.match(said.join(''), /Queued deploy \d+ for shop\/production[\s\S]*building/);
  await commit('bad');
  await assert.rejects(git.push({ ...common, ref: 'main' }), /build failed/);
  await git.fetch({ ...common, url });
  assert.equal(await git.resolveRef({ fs, dir, ref: 'refs/remotes/origin/main' }), good);
  // It sends many requests over one connection, which are to leave nothing on it.
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
}

async function tryCurl({ world }: Opened): Promise<void> {
  const curl = (...argv: string[]) => runProgram('curl', ['-fsS', '--max-time', '60', ...argv]);
  const refs = `http://127.0.0.1:${world.httpPort}/shop.git/info/refs?service=git-upload-pack`;
  const shown = await curl('-u', `deploy:${token}`, refs);
  assert.match(shown, /^001e# service=git-upload-pack\n0000[\s\S]* refs\/heads\/main\n0000$/);
  await assert.rejects(curl('-u', 'deploy:wrong', refs), /The requested URL returned error: 401/);
  const bearer = `Authorization: Bearer ${await world.api.makeToken(null, 'admin')}`;
  const apps = await curl('--compressed', '-H', bearer, `${world.api.url}/api/v1/apps`);
  assert.equal(JSON.parse(apps).items[0].name, 'shop');
  const body = JSON.stringify({ vars: { GREETING: 'hello' } });
  const json = ['-H', 'Content-Type: application/json', '-d', body];
  const set = await curl('-H', bearer, ...json, `${world.api.url}/api/v1/apps/shop/config`);
  assert.equal(JSON.parse(set).changed, true);
  await assert.rejects(curl('-H', bearer, `${world.api.url}/api/v1/apps/nope`), /returned error: 404/);
}

async function tryOpenSsh({ world }: Opened): Promise<void> {
  const scanned = await runProgram('ssh-keyscan', ['-p', String(world.port), '127.0.0.1']);
  const known = fs.readFileSync(join(world.folder, 'known_hosts'), 'utf8');
  assert.ok(scanned.includes(known.trim()), scanned);
  const kinds = { ed25519: [], ecdsa: ['-b', '256'], rsa: ['-b', '2048'] };
  for (const [kind, bits] of Object.entries(kinds)) {
    const { fingerprint } = await world.makeKey(kind, ['push'], null, '-t', kind, ...bits);
    const printed = await runProgram('ssh-keygen', ['-lf', join(world.folder, 'keys', `${kind}.pub`)]);
    assert.ok(printed.includes(fingerprint), printed);
    const cloned = await world.git(kind, world.folder, 'clone', '-q', world.remote(), `clone-${kind}`);
    assert.equal(cloned.code, 0, cloned.output);
  }
  const asked = await world.ssh('ed25519', ['apps']);
  assert.match(asked.stdout, /^shop\t/, asked.stderr);
}

/** Of the machine, and with OTHER_GIT the one whose package is unpacked in that folder. */
const gits = [undefined, process.env.OTHER_GIT].flatMap((folder, at) => {
  if (folder === undefined) return at === 0 ? [{ name: 'git', env: {} }] : [];
  const path = `${join(folder, 'usr', 'bin')}:${process.env.PATH}`;
  return [{ name: folder, env: { PATH: path, GIT_EXEC_PATH: join(folder, 'usr', 'lib', 'git-core') } }];
});

type OtherGit = (typeof gits)[number];

async function tryGit({ world, source }: Opened, { name, env }: OtherGit, t: TestContext): Promise<void> {
  const run = async (cwd: string, ...args: string[]) => {
    const ran = await world.runGit(cwd, args, { ...world.gitEnv('laptop'), ...env });
    assert.equal(ran.code, 0, ran.output);
    return ran.output.trim();
  };
  t.diagnostic(await run(source, 'version'));
  for (const way of ['http', 'ssh'] as const) {
    const url = way === 'http' ? world.url() : world.remote();
    const clone = join(world.folder, `${basename(name)}-${way}`);
    await run(world.folder, 'clone', '-q', '--depth', '1', url, clone);
    const commit = await commitFile(clone, `of-${basename(name)}-${way}`, way);
    assert.match(await run(clone, 'push', 'origin', 'main'), /remote: -----> Queued deploy/);
    await run(source, 'fetch', '-q', url, 'main');
    assert.equal(await run(source, 'rev-parse', 'FETCH_HEAD'), commit);
    await commitFile(clone, `bad-${way}`, way);
    const bad = await world.runGit(clone, ['push', 'origin', 'main'], {
      ...world.gitEnv('laptop'),
      ...env,
    });
    assert.match(bad.output, /! \[remote rejected\] main -> main \(build failed\)/);
  }
}

test('clients of other people work as they are', async (t) => {
  const opened = await open(t);
  for (const client of clients) {
    const title = `${client.name} clones and pushes over HTTP and over SSH, and is told what became of it`;
    await t.test(title, () => tryClient(opened, client));
  }
  await t.test('isomorphic-git does over HTTP', (t) => tryIsomorphicGit(opened, t));
  await t.test('curl reads the refs and the API, and a refusal is an exit code', () => tryCurl(opened));
  await t.test('ssh, ssh-keyscan and ssh-keygen: keys of every kind clone, and run commands', () =>
    tryOpenSsh(opened),
  );
  for (const other of gits)
    await t.test(`${other.name} clones, shallowly too, pushes and fetches over both`, (t) =>
      tryGit(opened, other, t),
    );
});
