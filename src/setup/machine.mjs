// Makes a bare machine fit for a command and runs it: `node src/setup/machine.mjs -- command …`.
// Plain JavaScript without packages: it runs with any Node from 18 on, on a clone without node_modules.
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.mjs';
import { leaveFolder, openEngine } from './engine.mjs';
import { withLock } from './lock.mjs';
import { installNodeModules } from './node-modules.mjs';
import { installPackages } from './packages.mjs';
import { SetupError } from './stop.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Sets the machine up, runs the command, undoes what is not to stay; resolves with the command's exit code. */
async function runOnMachine(command) {
  if (process.platform !== 'linux')
    throw new SetupError(
      'Hawser needs Linux: network namespaces, dockerd and sshd. Run it in a virtual machine.',
    );
  const folder = join(tmpdir(), `hawser-machine-${process.getuid()}`);
  const lock = `${folder}.lock`;
  const leaveEngine = await withLock(lock, async () => {
    await installPackages({ withClients: command.includes('--test') });
    await installNodeModules(root);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return await openEngine(folder);
  });
  try {
    return await runCommand(root, command);
  } finally {
    await withLock(lock, async () => {
      await leaveEngine();
      leaveFolder(folder);
    });
  }
}

const [separator, ...command] = process.argv.slice(2);
if (separator !== '--' || command.length === 0) {
  process.stderr.write('Usage: node src/setup/machine.mjs -- command …\n');
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await runOnMachine(command);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(` !     ${error.message}\n`);
    process.exitCode = 1;
  }
}
