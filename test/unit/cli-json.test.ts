import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openKeyboard } from '../../src/cli/keyboard.ts';
import { openProgram } from '../../src/cli/run.ts';
import { openSession } from '../../src/cli/session.ts';
import { openTerminal } from '../../src/cli/terminal.ts';

/** What they print is a log, a file, a script or a program's own; or they run until they are ended, or keep a login on this machine. */
const others = [
  ...['audit:export', 'config:export', 'deploys:attach', 'deploys:output', 'releases:output', 'runs:output'],
  ...['completion', 'completion:words', 'credential', 'ps:exec'],
  ...['server', 'up', 'worker'],
  ...['login', 'logout', 'setup', 'users:accept'],
];

test('every command prints its whole answer as JSON', async () => {
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  const terminal = openTerminal({ ...streams, noColor: '1' });
  const program = await openProgram(
    openSession({ argv: [], env: {}, cwd: '/', terminal, keyboard: openKeyboard(streams, {}) }),
    '0',
    streams,
  );
  const without = program.commands.filter(({ options }) => !options.some(({ long }) => long === '--json'));
  assert.deepEqual(without.map((command) => command.name()).toSorted(), others.toSorted());
});
