import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createApp } from '../../src/store/apps.ts';
import { openApiWorld } from '../support/api-world.ts';
import { runCommand } from '../support/command-line.ts';
import { runProgram } from '../support/program.ts';

async function makeRepository(t: TestContext, ...urls: string[]): Promise<string> {
  const cwd = mkdtempSync(join(tmpdir(), 'hawser-cli-'));
  t.after(() => rmSync(cwd, { recursive: true }));
  await runProgram('git', ['-C', cwd, 'init', '-q']);
  for (const [index, url] of urls.entries())
    await runProgram('git', ['-C', cwd, 'remote', 'add', `r${index}`, url]);
  return cwd;
}

test('the app is the one whose remote on this server the folder has', async (t) => {
  const world = await openApiWorld(t);
  await createApp(world.db, 'blog', 'test');
  const { host } = new URL(world.url);
  const appOf = async (...urls: string[]) => {
    const argv = ['apps:info', '--json', '--config', world.config.file];
    const { code, stdout, stderr } = await runCommand(argv, { cwd: await makeRepository(t, ...urls) });
    return code === 0 ? JSON.parse(stdout).name : stderr.split('\n')[0];
  };
  assert.equal(await appOf(`http://deploy:hw_secret@${host}/shop.git`), 'shop');
  assert.equal(await appOf('https://forge.example.com/them/shop.git', `http://${host}/blog.git`), 'blog');
  assert.equal(await appOf(`ssh://git@127.0.0.1:${world.config.listen.ssh.port}/blog.git`), 'blog');
  assert.match(await appOf('https://forge.example.com/shop.git'), /has no git remote on this server/);
  assert.match(await appOf(), /has no git remote on this server/);
  assert.match(
    await appOf(`http://${host}/shop.git`, `http://${host}/blog.git`),
    /has remotes of shop, blog/,
  );
});

test('a server elsewhere is reached by its URL and token', async (t) => {
  const world = await openApiWorld(t);
  const token = await world.makeToken(world.shop.app.id, 'read');
  const cwd = await makeRepository(t, `${world.url}/shop.git`);
  const { code, stdout } = await runCommand(['apps:info', '--json'], {
    cwd,
    env: { HAWSER_URL: world.url, HAWSER_TOKEN: token },
  });
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).name, 'shop');
});
