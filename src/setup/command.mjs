import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { signalNumbers } from './run.mjs';
import { SetupError } from './stop.mjs';

/**
 * Runs the command with our node first in PATH, which keeps what it compiles; resolves with its exit code. Signals are
 * handed on to it.
 */
export function runCommand(root, [file, ...argv]) {
  const folders = [join(root, 'node_modules', '.bin'), process.env.PATH ?? '', '/usr/sbin', '/sbin'];
  const compiled = join(root, 'node_modules', '.cache', 'node');
  const env = { ...process.env, PATH: folders.join(delimiter), NODE_COMPILE_CACHE: compiled };
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { stdio: 'inherit', env });
    // a terminal gives Ctrl-C to the command itself: twice would be a second Ctrl-C
    const onInterrupt = () => process.stdin.isTTY || child.kill('SIGINT');
    const onTerminate = () => child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate);
    child.once('error', (error) => {
      reject(error.code === 'ENOENT' ? new SetupError(`${file}: no such program.`) : error);
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signalNumbers[signal] ?? 0)));
  });
}
