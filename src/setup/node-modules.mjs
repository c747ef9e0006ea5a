import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError, say } from './stop.mjs';

/** Installs the packages of the lock file unless they are there, and sees that their node runs. */
export async function installNodeModules(root) {
  if (isCurrent(root) && runsNode(root)) return;
  say('Installing the packages of package-lock.json with npm');
  await install(root);
  if (!runsNode(root)) await fetchNode(root);
  if (!runsNode(root))
    throw new SetupError(
      'node_modules/.bin/node does not run: remove node_modules, run npm ci, and look at what it says.',
    );
  const now = new Date();
  utimesSync(join(root, 'node_modules', '.package-lock.json'), now, now);
}

/** No package needs its install script but `node`; the others would only try to compile. */
async function install(root) {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  if ((await run('npm', ['ci', ...quiet], { cwd: root, stdio: 'ignore' })) === 0) return;
  // npm 11.16 and later refuse a lock file without the packages of other platforms; install takes it as it is
  say('npm ci refused; trying npm install with the same lock file');
  if ((await run('npm', ['install', '--no-save', ...quiet], { cwd: root })) === 0) return;
  throw new SetupError('npm could not install the packages: correct what it says above and try again.');
}

/** What the package's own install script does, which npm may not have been allowed to run. */
async function fetchNode(root) {
  const cwd = join(root, 'node_modules', 'node');
  if (!existsSync(cwd)) return;
  await run(process.execPath, ['installArchSpecificPackage.js'], { cwd });
  // npm makes no link to a program that was not there yet
  const link = join(root, 'node_modules', '.bin', 'node');
  rmSync(link, { force: true });
  symlinkSync('../node/bin/node', link);
}

function isCurrent(root) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  return (
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  );
}

function runsNode(root) {
  const node = join(root, 'node_modules', '.bin', 'node');
  return existsSync(node) && spawnSync(node, ['--version'], { stdio: 'ignore' }).status === 0;
}
