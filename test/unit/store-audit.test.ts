import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { NewAuditEntry } from '../../src/model/audit.ts';
import { appendAudit, listAudit, performAudited, recordDone } from '../../src/store/audit/audit.ts';
import { cutAudit, verifyAudit } from '../../src/store/audit/audit-chain.ts';
import { openAudit } from '../../src/store/audit/audit-open.ts';
import { openTestLedger } from '../support/ledger.ts';

const asker = { actorKind: 'token', actor: 'ci', door: 'api', address: '192.0.2.7' } as const;
const act = { ...asker, action: 'apps:lock', app: 'shop', env: null, object: null };
const entry: NewAuditEntry = { ...act, outcome: 'done', code: null, count: 1 };

async function openChain(t: TestContext, length: number) {
  const { db, file } = await openTestLedger(t);
  for (let n = 1; n <= length; n += 1) await appendAudit(db, { ...entry, object: `thing ${n}` });
  // Whoever has the file can take the triggers off: the chain is what shows it.
  const raw = new DatabaseSync(file);
  t.after(() => raw.close());
  return { db, raw };
}

function dropTriggers(raw: DatabaseSync): void {
  for (const name of ['update', 'delete']) raw.exec(`drop trigger audit_no_${name}`);
}

test('the ledger refuses to change or remove an entry', async (t) => {
  const { raw } = await openChain(t, 3);
  assert.throws(
    () => raw.exec("update audit set actor = 'somebody else' where seq = 2"),
    /only ever appended/,
  );
  assert.throws(() => raw.exec('delete from audit where seq = 2'), /only ever cut/);
});

test('whatever is changed, removed, inserted or swapped in the file is named', async (t) => {
  const length = 12;
  const { db, raw } = await openChain(t, length);
  dropTriggers(raw);
  const columns = ['at', 'actor_kind', 'actor', 'door', 'address', 'action', 'app', 'object', 'outcome'];
  const place = fc.integer({ min: 1, max: length });
  const tamper = fc.oneof(
    fc.record({
      how: fc.constant('change' as const),
      column: fc.constantFrom(...columns, 'env', 'code', 'count', 'hash', 'previous'),
      at: place,
    }),
    fc.record({ how: fc.constantFrom('remove' as const, 'insert' as const), at: place }),
    fc
      .record({ how: fc.constant('swap' as const), at: place, with: place })
      .filter((swap) => swap.at < swap.with),
  );
  await fc.assert(
    fc.asyncProperty(tamper, async (how) => {
      raw.exec('create temp table kept as select * from audit');
      try {
        const named = tamperWith(raw, how);
        assert.equal((await verifyAudit(db)).broken?.seq, named, JSON.stringify(how));
      } finally {
        raw.exec('delete from audit; insert into audit select * from kept; drop table kept');
        raw.exec(`update sqlite_sequence set seq = ${length} where name = 'audit'`);
      }
      assert.equal((await verifyAudit(db)).broken, null);
    }),
    { numRuns: 150 },
  );
});

type Tamper =
  | { how: 'change'; column: string; at: number }
  | { how: 'remove'; at: number }
  | { how: 'insert'; at: number }
  | { how: 'swap'; at: number; with: number };

/** Does it, and answers with the number of the entry that has to be named. */
function tamperWith(raw: DatabaseSync, tamper: Tamper): number {
  const { at } = tamper;
  const columns =
    'at, actor_kind, actor, door, address, action, app, env, object, outcome, code, count, previous, hash';
  if (tamper.how === 'change') {
    raw.prepare(`update audit set ${tamper.column} = ? where seq = ?`).run('7', at);
    return at;
  }
  if (tamper.how === 'remove') {
    raw.prepare('delete from audit where seq = ?').run(at);
    return at;
  }
  if (tamper.how === 'insert') {
    raw.exec(`update audit set seq = -seq where seq >= ${at}; update audit set seq = 1 - seq where seq < 0`);
    raw.exec(`insert into audit (seq, ${columns}) select ${at}, ${columns} from audit where seq = ${at + 1}`);
    // What is inserted is the true entry; what it pushed on is not.
    return at + 1;
  }
  raw.exec(`update audit set seq = -1 where seq = ${at}; update audit set seq = ${at} where seq = ${tamper.with};
    update audit set seq = ${tamper.with} where seq = -1`);
  return at;
}

test('a chain that is made anew behind a change is caught by an anchor that was kept elsewhere', async (t) => {
  const { db, raw } = await openChain(t, 5);
  const { head } = await verifyAudit(db);
  dropTriggers(raw);
  raw.exec("delete from audit where seq >= 3; update sqlite_sequence set seq = 2 where name = 'audit'");
  for (let n = 3; n <= 6; n += 1) await appendAudit(db, { ...entry, object: 'made up' });
  assert.deepEqual(await verifyAudit(db).then(({ broken }) => broken), null);
  assert.equal((await verifyAudit(db, head.hash)).anchored, false);
  assert.equal((await verifyAudit(db, (await verifyAudit(db)).head.hash)).anchored, true);
});

test('what is out of retention goes with a recorded anchor, and the rest still proves itself', async (t) => {
  const { db } = await openChain(t, 4);
  const [newest] = await listAudit(db, { limit: 1 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const now = new Date().toISOString();
  await appendAudit(db, entry);
  assert.equal(await cutAudit(db, now), 4);
  const verdict = await verifyAudit(db, newest?.hash);
  assert.deepEqual(verdict.broken, null);
  assert.equal(verdict.cut?.seq, 4);
  assert.equal(verdict.anchored, true);
  assert.deepEqual(
    (await listAudit(db, { limit: 9 })).map(({ seq, action }) => [seq, action]),
    [
      [6, 'audit:cut'],
      [5, 'apps:lock'],
    ],
  );
  assert.equal(await cutAudit(db, now), 0);
});

test('an entry is in the transaction of its change, once, and goes with it when that is taken back', async (t) => {
  const { db } = await openChain(t, 0);
  await performAudited(db, act, async () => {
    const fails = db.transaction().execute(async (tx) => {
      await recordDone(tx, { object: 'first' });
      throw new Error('taken back');
    });
    await assert.rejects(fails, /taken back/);
    assert.equal((await listAudit(db, { limit: 9 })).length, 0);
  });
  await performAudited(db, act, () =>
    db.transaction().execute(async (tx) => {
      await recordDone(tx, { object: 'deploy 7', env: null });
      await recordDone(tx, { object: 'never' });
    }),
  );
  await recordDone(db, { object: 'nobody asked' });
  assert.deepEqual(
    (await listAudit(db, { limit: 9 })).map(({ object }) => object),
    ['deploy 7', null],
  );
});

test('what is refused again and again is counted, whatever strangers do', async (t) => {
  const { db } = await openChain(t, 0);
  const refused = { outcome: 'refused', code: 'token_unknown' } as const;
  {
    await using tally = openAudit(db, { report: (error) => assert.fail(String(error)) });
    for (let n = 0; n < 500; n += 1) await tally.note({ ...act, object: `try ${n}` }, refused);
    assert.equal((await listAudit(db, { limit: 99 })).length, 1);
    for (let n = 0; n < 500; n += 1) await tally.note({ ...act, address: `2001:db8:0:${n}::1` }, refused);
    for (let n = 0; n < 500; n += 1) await tally.note({ ...act, address: `2001:db8::${n}` }, refused);
  }
  const entries = await listAudit(db, { limit: 200 });
  assert.ok(entries.length <= 63, `${entries.length} entries`);
  assert.equal(
    entries.reduce((sum, { count }) => sum + count, 0),
    1500,
  );
  assert.equal((await verifyAudit(db)).broken, null);
});
