// Loaded into every process of an installation under test. When a deploy reaches the moment that the test armed,
// the process that is there dies, or the power of its whole machine fails; each armed moment comes once.
import { spawnSync } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.HAWSER_TEST_FAILPOINTS;
const seen = new Map();

if (folder) {
  subscribe('hawser:step', ({ step, moment, deployId }) => {
    const name = `${step}:${moment}`;
    appendFileSync(join(folder, 'reached'), `${name}\n`);
    const armed = readArmed();
    if (armed === undefined || armed.point !== name) return;
    // Counted anew for each arming, in this process alone.
    const count = (seen.get(armed.id) ?? 0) + 1;
    seen.set(armed.id, count);
    if (count < armed.nth || !takeIt()) return;
    if (armed.power) failPower(armed.power);
    appendFileSync(join(folder, `hit-${armed.id}`), `${process.pid} ${deployId}\n`);
    process.kill(process.pid, 'SIGKILL');
  });
}

function readArmed() {
  try {
    return JSON.parse(readFileSync(join(folder, 'armed'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** A file is renamed by one process only, however many are at the same moment. */
function takeIt() {
  try {
    renameSync(join(folder, 'armed'), join(folder, 'taken'));
    return true;
  } catch {
    return false;
  }
}

/** Every other process of the machine first, then what its disk was not told to keep. */
function failPower({ run, cut }) {
  for (const name of readdirSync(run).filter((file) => file.endsWith('.pid'))) {
    const pid = Number.parseInt(readFileSync(join(run, name), 'utf8'), 10);
    if (pid === process.pid || !(pid > 1)) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
  const [file, ...argv] = cut;
  spawnSync(file, argv, { stdio: 'ignore' });
}
