import { spawn } from 'node:child_process';
import { SetupError } from './stop.mjs';

/** Runs a program with our own terminal, to its end; resolves with its exit code, 128 + n after a signal. */
export function run(file, argv, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { stdio: ['inherit', 2, 2], ...options });
    child.once('error', (error) => reject(explain(file, error)));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signalNumbers[signal] ?? 0)));
  });
}

/** As `run`, but as root: by sudo, which asks for a password only when it needs one. */
export function runAsRoot(file, argv) {
  return process.getuid() === 0 ? run(file, argv) : run('sudo', ['--', file, ...argv]);
}

/** The number that a shell adds to 128. */
export const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

function explain(file, error) {
  if (error.code !== 'ENOENT') return error;
  const fix = file === 'sudo' ? 'run this as root, or install sudo' : `install ${file}`;
  return new SetupError(`${file} is not installed: ${fix}.`);
}
