import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { checkAll } from '../support/checker.ts';
import { gatherEvidence } from '../support/fault-evidence.ts';
import { startLoad } from '../support/fault-load.ts';
import { recordRow } from '../support/fault-rows.ts';
import { finishPush } from '../support/fault-sweep.ts';
import { type FaultWorld, openFaultWorld, type RunningPush } from '../support/fault-world.ts';
import { type Chooser, faults, openChooser, seededRandom } from '../support/nemesis.ts';

// Pushes, rollbacks and faults by a seed, then everything is healed and examined. HAWSER_SEED repeats one,
// HAWSER_SOAK says for how many minutes.

const seed = Number(process.env.HAWSER_SEED ?? Math.floor(Math.random() * 2 ** 32));
const soakMs = Number(process.env.HAWSER_SOAK ?? 3) * 60_000;
// A request that was sent shortly before a fault may be under way still.
const underWayMs = 1_000;
const endLimitMs = 240_000;

let world: FaultWorld;
before(async () => {
  world = await openFaultWorld(`soak${process.pid}`, { servers: 2, quick: true });
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(() => world?.close());

type Told = { readonly at: number; readonly what: string; readonly excusedMs: number };

test(`${soakMs / 1000} s of random work under random faults end true`, {
  timeout: soakMs + endLimitMs + 120_000,
}, async (t) => {
  t.diagnostic(`HAWSER_SEED=${seed}`);
  const random = seededRandom(seed);
  const [ofWork, ofFaults] = [seededRandom(random() * 2 ** 32), seededRandom(random() * 2 ** 32)].map(
    openChooser,
  );
  assert.ok(ofWork && ofFaults);
  const load = startLoad({ ...world.hawser.edge, domain: world.domain });
  t.after(() => load.stop());
  const told: Told[] = [];
  const pushes: RunningPush[] = [];
  const until = performance.now() + soakMs;
  await Promise.all([work(until, ofWork, pushes), hurt(until, ofFaults, told)]).catch((error) => {
    throw new Error(`${describe(told)}\n${error.stack}`, { cause: error });
  });
  const end = performance.now();
  await Promise.all(pushes.map(({ done }) => done));
  const settled = await finish().catch(async (error) => {
    throw new Error(
      `HAWSER_SEED=${seed}: ${error.message}\n${describe(told)}\n${await gatherEvidence(world)}`,
      { cause: error },
    );
  });
  await load.stop();
  const unexcused = load.failed().filter(({ at }) => !told.some((one) => isExcused(at, one)));
  if (unexcused.length > 0) {
    const begin = told[0]?.at ?? 0;
    const lost = unexcused.map(({ at, what }) => `${((at - begin) / 1000).toFixed(1)} s ${what}`).join(', ');
    assert.fail(`HAWSER_SEED=${seed}: ${lost}\n${describe(told)}\n${await gatherEvidence(world)}`);
  }
  const row = { trueAfterMs: performance.now() - end, sent: load.sent(), failed: load.failed().length };
  recordRow({
    step: `soak of ${soakMs / 1000} s`,
    fault: `${told.length} random ones, seed ${seed}`,
    end: 'true',
    ...row,
  });
  t.diagnostic(
    `${pushes.length} pushes, ${told.length} faults; content ${Math.round(settled)} ms after the last push, ` +
      `${row.failed} of ${row.sent} requests failed: ${describe(told)}`,
  );
});

/** One after the other or several at once; some of them cannot start, now and then one is rolled back. */
async function work(until: number, choose: Chooser, pushes: RunningPush[]): Promise<void> {
  while (performance.now() < until) {
    const what = choose.one(['push', 'push', 'push', 'release', 'broken', 'rollback', 'no-wait'] as const);
    if (what === 'rollback') await world.hawser.cli('rollback', '-a', world.app, '-e', 'production');
    else pushes.push(await world.push(contentOf(what)));
    const [last] = pushes.slice(-1);
    // Either the next one comes while this one is under way, or it had its end.
    await pause(choose.between(1_000, 5_000));
    if (choose.one([true, false])) await Promise.race([last?.done, pause(choose.between(1_000, 7_000))]);
  }
}

function contentOf(what: 'push' | 'release' | 'broken' | 'no-wait') {
  return {
    release: what === 'release',
    broken: what === 'broken',
    options: what === 'no-wait' ? ['no-wait'] : [],
  };
}

async function hurt(until: number, choose: Chooser, told: Told[]): Promise<void> {
  while (performance.now() < until) {
    await pause(choose.between(500, 5_000));
    const fault = choose.one(faults);
    told.push({ at: performance.now(), what: fault.name, excusedMs: fault.excusedMs });
    await fault.strike(world, choose);
  }
}

function isExcused(at: number, fault: Told): boolean {
  return fault.excusedMs > 0 && at > fault.at - underWayMs && at < fault.at + fault.excusedMs;
}

/** A last push that nothing disturbs: what is current then is known. Returns after how many ms all of it was true. */
async function finish(): Promise<number> {
  // The last fault may have been the end of the server a moment ago.
  await finishPush(world, { point: 'soak:end', nth: 1 }, await world.push());
  return checkAll(world.checked());
}

function describe(told: readonly Told[]): string {
  const begin = told[0]?.at ?? 0;
  return told.map(({ at, what }) => `${((at - begin) / 1000).toFixed(1)} s ${what}`).join(', ');
}
