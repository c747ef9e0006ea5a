import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { failpoints } from '../../src/announce.ts';
import { checkAll } from '../support/checker.ts';
import { type Failpoints, openFailpoints } from '../support/failpoint.ts';
import { killAt, parsePlace } from '../support/fault-sweep.ts';
import { type FaultWorld, openFaultWorld } from '../support/fault-world.ts';

// A rollout to three servers under load, killed at each announced moment of its steps. Each time a few of them;
// HAWSER_FAULTS=all runs every one, HAWSER_FAULTS=<step>:<moment> one.

const sample = [
  'receive:act',
  'publish:record',
  'release-command:act',
  'start:act#2',
  'switch:intent#2',
  'branch:act',
  'retire:act',
  'revert:intent',
];
// Each server is switched by itself: the first, one between, the last.
const everyone = failpoints.flatMap((point) =>
  point.startsWith('switch:') ? [point, `${point}#2`, `${point}#3`] : [point],
);
const wanted = process.env.HAWSER_FAULTS;
const places = wanted === undefined ? sample : wanted === 'all' ? everyone : wanted.split(',');

let world: FaultWorld;
let points: Failpoints;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hawser-failpoints-'));
  points = await openFailpoints(folder);
  world = await openFaultWorld(`kill${process.pid}`, {
    servers: 3,
    quick: true,
    ground: { env: points.env },
  });
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
  await checkAll(world.checked());
});
after(async () => {
  await world?.close();
  await rm(folder, { recursive: true, force: true });
});

for (const place of places.filter((name) => name.includes(':'))) {
  test(`killed at ${place}: it goes on, and ends true`, { timeout: 300_000 }, (t) =>
    killAt(t, world, points, parsePlace(place)),
  );
}

test('every announced moment was reached', { timeout: 300_000 }, async () => {
  for (const how of [{ release: true, checked: true }, { broken: true }]) await (await world.push(how)).done;
  await checkAll(world.checked());
  const reached = await points.reached();
  assert.deepEqual(
    failpoints.filter((point) => !reached.has(point)),
    [],
    'moments that no deploy came to',
  );
});
