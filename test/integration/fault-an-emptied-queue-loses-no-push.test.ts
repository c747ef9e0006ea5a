import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkAll, openLedgerFile } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultWorld, openFaultWorld, type RunningPush } from '../support/fault-world.ts';

const count = 10;

let world: FaultWorld;
before(async () => {
  world = await openFaultWorld(`flush${process.pid}`);
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(() => world?.close());

test(`Redis loses everything while ${count} pushes are on their way: each reaches its end`, {
  timeout: 180_000,
}, async (t) => {
  const pushes: RunningPush[] = [];
  for (let index = 0; index < count; index += 1) {
    const push = await world.push();
    pushes.push(push);
    await eventually(() => world.readDeploy(push.commit) !== undefined, { timeoutMs: 30_000 });
    if (index === count - 4) await world.emptyRedis();
  }
  const codes = await Promise.all(pushes.map((push) => push.done));
  const begin = performance.now();
  const settled = await checkAll(world.checked());
  const states = pushes.map((push) => world.readDeploy(push.commit)?.state);
  assert.equal(codes.at(-1), 0, pushes.at(-1)?.output() ?? 'nothing was pushed');
  assert.equal(states.at(-1), 'live', 'the newest push wins');
  for (const [index, push] of pushes.entries()) {
    const told = `${states[index]}, exit ${codes[index]}: ${push.output()}`;
    assert.ok(['live', 'superseded'].includes(states[index] ?? ''), told);
    assert.equal(codes[index] === 0, states[index] === 'live', told);
  }
  using ledger = openLedgerFile(world.hawser.data);
  const records = ledger.all('select count(*) as n from deploys');
  assert.equal(records[0]?.n, count + 1, 'one deploy for each push');
  t.diagnostic(
    `${states.join(' ')}; content ${Math.round(performance.now() - begin)} ms (${Math.round(settled)} ms) after the last`,
  );
});
