import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkAll, openLedgerFile } from '../support/checker.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultWorld, openFaultWorld, type RunningPush } from '../support/fault-world.ts';

const count = 10;
const apps = 3;
const emptyAfter = 5;

let world: FaultWorld;
before(async () => {
  world = await openFaultWorld(`flush${process.pid}`);
  const first = await world.push();
  assert.equal(await first.done, 0, first.output());
});
after(() => world?.close());

test(`Redis loses everything while ${count} pushes to ${apps} apps are on their way: each reaches its end`, {
  timeout: 300_000,
}, async (t) => {
  const names = Array.from({ length: apps }, (_, index) =>
    index === 0 ? world.app : `${world.app}-${index}`,
  );
  const pushes: (RunningPush & { readonly app: string })[] = [];
  for (let index = 0; index < count; index += 1) {
    const app = names[index % apps] ?? world.app;
    const push = await world.push({ app });
    pushes.push({ ...push, app });
    await eventually(() => world.readDeploy(push.commit) !== undefined);
    if (index === emptyAfter) await world.emptyRedis();
  }
  const codes = await Promise.all(pushes.map((push) => push.done));
  const settled = await checkAll(world.checked());
  const states = pushes.map((push) => world.readDeploy(push.commit)?.state ?? 'lost');
  for (const [index, { app, output }] of pushes.entries()) {
    const told = `${states[index]}, exit ${codes[index]}: ${output()}`;
    const newest = pushes.findLastIndex((push) => push.app === app) === index;
    assert.ok((newest ? ['live'] : ['live', 'superseded']).includes(states[index] ?? ''), told);
    assert.equal(codes[index] === 0, states[index] === 'live', told);
  }
  using ledger = openLedgerFile(world.hawser.data);
  const records = ledger.all('select count(*) as n from deploys');
  assert.equal(records[0]?.n, count + 1, 'one deploy for each push');
  t.diagnostic(`${states.join(' ')}; content ${Math.round(settled)} ms after the last`);
});
