import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { failpoints } from '../../src/announce.ts';
import { checkAll } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { type Failpoints, openFailpoints } from '../support/failpoint.ts';
import { recordRow } from '../support/fault-rows.ts';
import { cutAt, parsePlace } from '../support/fault-sweep.ts';
import { type FaultWorld, openFaultWorld } from '../support/fault-world.ts';
import { openPowerDisk, type PowerDisk } from '../support/power-disk.ts';
import { isGone } from '../support/process-state.ts';
import { runProgram } from '../support/program.ts';

// The data folder is on a disk that forgets what it was not told to keep. The power of the control machine fails:
// all its processes die at one moment. HAWSER_FAULTS=all does so at every announced moment of a deploy.

const sample = ['receive:record', 'switch:act'];
const wanted = process.env.HAWSER_FAULTS;
const places = wanted === undefined ? sample : wanted === 'all' ? failpoints : wanted.split(',');

let world: FaultWorld;
let points: Failpoints;
let folder: string;
let disk: PowerDisk;

async function prepare(data: string): Promise<() => Promise<void>> {
  disk = await openPowerDisk(data, join(folder, 'disk.img'));
  return disk.close;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hawser-power-'));
  points = await openFailpoints(join(folder, 'failpoints'));
  const ground = { env: points.env, prepare };
  world = await openFaultWorld(`power${process.pid}`, { servers: 1, quick: true, ground });
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(async () => {
  await world?.close();
  await rm(folder, { recursive: true, force: true });
});

test('a push that was answered "queued" is there after a power failure, and goes live', {
  timeout: 300_000,
}, async (t) => {
  const push = await world.push({ options: ['no-wait'] });
  assert.equal(await push.done, 0, push.output());
  const unsynced = join(world.hawser.data, 'unsynced');
  const begin = performance.now();
  await cutPower(disk, unsynced);
  assert.match(push.output(), /is queued/);
  await disk.remount();
  const left = await readFile(unsynced, 'utf8').catch(() => '');
  assert.equal(left, '', 'the power failure lost nothing, so it was none');
  await world.hawser.start();
  await checkAll(world.checked());
  const deploy = world.readDeploy(push.commit);
  assert.equal(deploy?.state, 'live', JSON.stringify(deploy));
  const trueAfterMs = performance.now() - begin;
  recordRow({ step: 'queued', fault: 'power off', end: 'live', trueAfterMs, sent: 0, failed: 0 });
  t.diagnostic(`live, everything true ${Math.round(trueAfterMs)} ms after the power failed`);
});

/**
 * As the failpoint does it: every process first, so that none writes after its machine is dead. The last one that
 * writes does so to `unsynced`; nobody asks for that to be kept.
 */
async function cutPower({ cut }: PowerDisk, unsynced: string): Promise<void> {
  const parts = ['up', 'server', 'worker-build', 'worker-rollout', 'redis', 'registry', 'load-balancer'];
  const pids = await Promise.all(parts.map((part) => world.hawser.pidOf(part)));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually(async () => pids.every(isGone), { intervalMs: 5 });
  await writeFile(unsynced, 'nobody asked for this to be kept');
  const [file = '', ...argv] = cut;
  await runProgram(file, argv);
}

for (const place of places.filter((name) => name.includes(':'))) {
  test(`power off at ${place}: it goes on, and ends true`, { timeout: 300_000 }, (t) =>
    cutAt(t, world, points, { disk, place: parsePlace(place) }),
  );
}
