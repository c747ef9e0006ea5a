import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { checkAll } from './checker.ts';
import type { Failpoints } from './failpoint.ts';
import { gatherEvidence } from './fault-evidence.ts';
import { startLoad } from './fault-load.ts';
import { describeRow, type FaultRow, recordRow } from './fault-rows.ts';
import type { FaultWorld, RunningPush } from './fault-world.ts';
import type { PowerDisk } from './power-disk.ts';

/** Where a deploy dies: `step:moment`, with `#n` for the nth time it is there. */
export type Place = { readonly point: string; readonly nth: number };

export function parsePlace(text: string): Place {
  const [point = '', nth = '1'] = text.split('#');
  return { point, nth: Number(nth) };
}

/** Kills the process that is at a failpoint, under load: the deploy ends as if nothing had been, and no request fails. */
export async function killAt(
  t: TestContext,
  world: FaultWorld,
  points: Failpoints,
  place: Place,
): Promise<void> {
  const load = startLoad({ ...world.hawser.edge, domain: world.domain });
  t.after(() => load.stop());
  const armed = await points.arm(place.point, { nth: place.nth });
  t.after(() => armed.disarm());
  const push = await pushThrough(world, place);
  const begin = await armed.struck().catch((error) => assert.fail(`${error.message}\n${push.output()}`));
  await finishPush(world, place, push);
  const row = await settle(world, push, { ...place, begin, fault: 'SIGKILL' });
  await load.stop();
  assert.deepEqual(load.failed(), [], `${load.failed().length} of ${load.sent()} requests failed`);
  tell(t, { ...row, sent: load.sent(), failed: load.failed().length });
}

/** The power of the control machine fails at a failpoint; what was not synced is lost with it. */
export async function cutAt(
  t: TestContext,
  world: FaultWorld,
  points: Failpoints,
  { disk, place }: { disk: PowerDisk; place: Place },
): Promise<void> {
  const { hawser } = world;
  const power = { run: join(hawser.data, 'run'), cut: disk.cut };
  const armed = await points.arm(place.point, { nth: place.nth, power });
  t.after(() => armed.disarm());
  const push = await pushThrough(world, place);
  const begin = await armed.struck().catch((error) => assert.fail(`${error.message}\n${push.output()}`));
  await push.done;
  await disk.remount();
  await hawser.start();
  await finishPush(world, place, push);
  tell(t, { ...(await settle(world, push, { ...place, begin, fault: 'power off' })), sent: 0, failed: 0 });
}

function tell(t: TestContext, row: FaultRow): void {
  recordRow(row);
  t.diagnostic(describeRow(row));
}

function isBroken({ point }: Place): boolean {
  return point.startsWith('revert') || point.startsWith('failure');
}

function pushThrough(world: FaultWorld, place: Place): Promise<RunningPush> {
  const is = (step: string) => place.point.startsWith(`${step}:`);
  return world.push({ release: is('release-command'), checked: is('check'), broken: isBroken(place) });
}

/** Whoever lost the server pushes again: it attaches to the deploy that goes on, or finds the branch moved. */
export async function finishPush(world: FaultWorld, place: Place, push: RunningPush): Promise<void> {
  let last: RunningPush = push;
  // A server that is killed again and again is started later each time.
  const deadline = performance.now() + comeBackMs;
  while ((await last.done) !== 0 && performance.now() < deadline) {
    if (isBroken(place) && world.readDeploy(push.commit)?.ended_at) return;
    assert.match(last.output(), isLost, last.output());
    await pause(50);
    last = world.pushAgain(push.commit);
  }
  assert.equal(await last.done, isBroken(place) ? 1 : 0, last.output());
}

const comeBackMs = 120_000;
const isLost = /Connection refused|Failed to connect|Empty reply|Connection reset|hung up|goes on/;

async function settle(
  world: FaultWorld,
  { commit, output }: RunningPush,
  { point, nth, begin, fault }: Place & { begin: number; fault: string },
): Promise<FaultRow> {
  await checkAll(world.checked()).catch(async (error) => {
    throw new Error(`${error.message}\n${output()}\n${await gatherEvidence(world)}`);
  });
  const deploy = world.readDeploy(commit);
  const told = `${JSON.stringify(deploy)}\n${output()}`;
  assert.equal(deploy?.state, isBroken({ point, nth }) ? 'failed' : 'live', told);
  if (isBroken({ point, nth })) assert.equal(deploy?.failure_code, 'not_healthy', told);
  const end = deploy?.failure_code ? `${deploy.state} (${deploy.failure_code})` : (deploy?.state ?? 'lost');
  const step = nth === 1 ? point : `${point} (${nth}.)`;
  return { step, fault, end, trueAfterMs: performance.now() - begin, sent: 0, failed: 0 };
}
