import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openKeyboard } from '../../src/cli/keyboard.ts';
import { openProgram } from '../../src/cli/run.ts';
import { openSession } from '../../src/cli/session.ts';
import { allShelves, findShelves } from '../../src/cli/shelves.ts';
import { openTerminal } from '../../src/cli/terminal.ts';

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
const session = openSession({
  ...{ argv: [], env: {}, cwd: '/' },
  terminal: openTerminal({ ...streams, noColor: '1' }),
  keyboard: openKeyboard(streams, {}),
});

test('every command is in the files that are read for it, and looks the same there', async () => {
  const whole = await openProgram(session, '0', streams);
  for (const command of whole.commands) {
    const few = await openProgram(session, '0', streams, findShelves(command.name()));
    const found = few.commands.find((one) => one.name() === command.name());
    assert.equal(found?.helpInformation(), command.helpInformation());
  }
});

test('a command costs no more than the files of its noun; what no file has is looked for in all', () => {
  assert.equal(findShelves('apps:create').length, 2);
  assert.equal(findShelves('tokens').length, 1);
  for (const word of ['', 'help', '--help', 'app', 'completion:words'])
    assert.equal(findShelves(word), allShelves);
});
